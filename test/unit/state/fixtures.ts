import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { State } from '../../../src/state/index.ts';

const directories: string[] = [];

/** An empty directory that is removed after the tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsnet-state-'));
  directories.push(directory);
  return directory;
}

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

export function openState(directory: string, bootId = 'boot-1'): State {
  return State.open({ directory, bootId });
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
