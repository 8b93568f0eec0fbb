import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll } from 'vitest';
import { requestPool, type Pool } from '../../../src/ipam/index.ts';
import {
  parseAddress,
  parseEndpointId,
  parseIfName,
  parseMac,
  parseNetworkId,
  parsePort,
  parseSubnet,
  type Endpoint,
  type Network,
  type PortBinding,
} from '../../../src/model/index.ts';
import { State, type StateOptions } from '../../../src/state/index.ts';

const directories: string[] = [];

/** An empty directory that is removed after the tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsnet-state-'));
  directories.push(directory);
  return directory;
}

afterAll(() => {
  for (const directory of directories) {
    for (const one of [directory, inMemory(directory)]) rmSync(one, { recursive: true, force: true });
  }
});

/** The run directory of a state whose records of this boot are in memory. */
export function inMemory(directory: string): string {
  return join('/dev/shm', relative(tmpdir(), directory));
}

/** The run directory of a state that is on the disk as a whole: none. */
export function onDisk(): string {
  return '';
}

/** Where the records of this boot can lie. */
export type Place = typeof inMemory;

export const places = [
  ['in memory', inMemory],
  ['on the disk', onDisk],
] as const;

export function openState(directory: string, bootId = 'boot-1', place: Place = inMemory): State {
  return State.open(optionsOf(directory, bootId, place));
}

export function optionsOf(directory: string, bootId = 'boot-1', place: Place = inMemory): StateOptions {
  const runDirectory = place(directory);
  return { directory, bootId, ...(runDirectory === '' ? {} : { runDirectory }) };
}

export function networkOf(id: string, extra: Partial<Network> = {}): Network {
  return {
    id: parseNetworkId(id),
    origin: 'docker',
    bridge: parseIfName(`br-${id}`),
    isInternal: false,
    allowsIcc: true,
    masquerades: true,
    subnets: [{ subnet: parseSubnet('10.1.0.0/24') }],
    pools: [],
    options: {},
    createdAt: 1,
    ...extra,
  };
}

export function endpointOf(network: string, id: string, extra: Partial<Endpoint> = {}): Endpoint {
  return {
    id: parseEndpointId(id),
    network: parseNetworkId(network),
    mac: parseMac('02:42:0a:01:00:02'),
    addresses: [parseAddress('10.1.0.2/24')],
    hostLink: parseIfName(`th-${id}`),
    containerLink: parseIfName(`tc-${id}`),
    ports: [],
    createdAt: 1,
    ...extra,
  };
}

export function bindingOf(hostPort: number, extra: Partial<PortBinding> = {}): PortBinding {
  return { protocol: 'tcp', hostPort: parsePort(hostPort), containerPort: parsePort(80), ...extra };
}

export function poolOf(subnet: string): Pool {
  return requestPool([], [], { space: 'local', subnet: parseSubnet(subnet) }, { createdAt: 1 });
}
