import { join } from 'node:path';
import type {
  Address,
  ContainerRef,
  Endpoint,
  EndpointId,
  IfName,
  Ip,
  Mac,
  NamedSandbox,
  Network,
  NetworkId,
  SandboxId,
  SandboxName,
  Subnet,
} from '../../src/model/index.ts';

/** A network of tsnet, 10.1.0.0/24, and what differs. */
export function networkOf(facts: Partial<Network> = {}): Network {
  return {
    id: 'c'.repeat(64) as NetworkId,
    name: 'lab',
    origin: 'cli',
    bridge: 'tsb-lab' as IfName,
    isInternal: false,
    allowsIcc: true,
    masquerades: true,
    subnets: [{ subnet: '10.1.0.0/24' as Subnet, gateway: '10.1.0.1' as Ip }],
    pools: [],
    options: {},
    createdAt: 0,
    ...facts,
  };
}

/** An attachment to that network, by 10.1.0.2 in namespace 10, and what differs. */
export function endpointOf(container: ContainerRef, facts: Partial<Endpoint> = {}): Endpoint {
  return {
    id: 'e1' as EndpointId,
    network: 'c'.repeat(64) as NetworkId,
    mac: '02:42:0a:01:00:02' as Mac,
    addresses: ['10.1.0.2/24' as Address],
    hostLink: 'tsv-e1' as IfName,
    containerLink: 'eth0' as IfName,
    sandbox: { path: '/run/netns/web', placement: { netns: '4:10', routes: [] } },
    container,
    ports: [],
    createdAt: 0,
    ...facts,
  };
}

/** A sandbox that runs in a namespace of its own, and what differs. */
export function sandboxOf(name: string, facts: Partial<NamedSandbox> = {}): NamedSandbox {
  return {
    id: name.padEnd(64, '0') as SandboxId,
    name: name as SandboxName,
    netns: { kind: 'own', path: join('/run/netns', name), id: '4:10' },
    command: ['sleep'],
    environment: [],
    workingDirectory: '/',
    networks: [],
    ports: [],
    exposed: [],
    links: [],
    hosts: [],
    dns: { servers: [], searches: [], options: [] },
    isRemovedAtEnd: false,
    creator: { pid: 1, startTime: '1' },
    process: { pid: 700, startTime: '2' },
    createdAt: 0,
    ...facts,
  };
}
