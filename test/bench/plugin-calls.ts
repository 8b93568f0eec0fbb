import { randomBytes } from 'node:crypto';
import type { Daemon } from './daemon.ts';

/** A network of the plugin, as the benchmarks make them: 10.n.0.0/16. */
export interface TestNetwork {
  readonly id: string;
  readonly number: number;
}

/** An endpoint, and the address that the engine's IPAM would have given it. */
export interface TestEndpoint {
  readonly network: TestNetwork;
  readonly id: string;
  readonly address: string;
}

/** One published port as engines write it; protocol 6 is TCP, 17 is UDP. */
export interface TestPort {
  readonly protocol: 6 | 17;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** Makes network 10.`number`.0.0/16. */
export async function createNetwork(daemon: Daemon, number: number): Promise<TestNetwork> {
  const id = randomBytes(32).toString('hex');
  const data = { AddressSpace: '', Pool: `10.${number}.0.0/16`, Gateway: `10.${number}.0.1/16` };
  await daemon.call('CreateNetwork', { NetworkID: id, IPv4Data: [data], IPv6Data: [] });
  return { id, number };
}

/** A new endpoint, that nobody has made yet. `index` counts within the network, from 0. */
export function newEndpoint(network: TestNetwork, index: number): TestEndpoint {
  const host = index + 2;
  return {
    network,
    id: randomBytes(32).toString('hex'),
    address: `10.${network.number}.${host >> 8}.${host & 255}`,
  };
}

// All of them give the milliseconds at the socket.

export async function createEndpoint(daemon: Daemon, endpoint: TestEndpoint): Promise<number> {
  return await daemon.call('CreateEndpoint', {
    ...idsOf(endpoint),
    Interface: { Address: `${endpoint.address}/16`, AddressIPv6: '', MacAddress: '' },
  });
}

export async function joinEndpoint(daemon: Daemon, endpoint: TestEndpoint): Promise<number> {
  const SandboxKey = `/var/run/docker/netns/${endpoint.id.slice(0, 12)}`;
  return await daemon.call('Join', { ...idsOf(endpoint), SandboxKey });
}

export async function publishPorts(
  daemon: Daemon,
  endpoint: TestEndpoint,
  ports: readonly TestPort[],
): Promise<number> {
  return await daemon.call('ProgramExternalConnectivity', {
    ...idsOf(endpoint),
    Options: {
      'com.docker.network.portmap': ports.map(({ protocol, hostPort, containerPort }) => ({
        Proto: protocol,
        Port: containerPort,
        HostPort: hostPort,
        HostPortEnd: hostPort,
      })),
    },
  });
}

export async function revokePorts(daemon: Daemon, endpoint: TestEndpoint): Promise<number> {
  return await daemon.call('RevokeExternalConnectivity', idsOf(endpoint));
}

/** Leaves and deletes. */
export async function removeEndpoint(daemon: Daemon, endpoint: TestEndpoint): Promise<number> {
  const leave = await daemon.call('Leave', idsOf(endpoint));
  return leave + (await daemon.call('DeleteEndpoint', idsOf(endpoint)));
}

function idsOf({ network, id }: TestEndpoint): { NetworkID: string; EndpointID: string } {
  return { NetworkID: network.id, EndpointID: id };
}
