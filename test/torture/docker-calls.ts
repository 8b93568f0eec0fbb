import { request } from 'node:http';
import { pluginSocket } from './serve.ts';
import type { TortureHost } from './torture-host.ts';

/** One call of an engine to the plugin. */
export interface DockerCall {
  readonly name: string;
  readonly body: object;
}

/** What the plugin said of a failure, or undefined. A broken connection is a failure, too. */
export function callDriver(host: TortureHost, { name, body }: DockerCall): Promise<string | undefined> {
  return new Promise((resolve) => {
    const outgoing = request(
      { socketPath: pluginSocket(host), path: `/${name}`, method: 'POST', agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('error', (error) => resolve(error.message));
        response.on('end', () => {
          const { Err: complaint } = JSON.parse(text) as { readonly Err?: string };
          resolve(complaint === undefined || complaint === '' ? undefined : `${name}: ${complaint}`);
        });
      },
    );
    outgoing.on('error', (error) => resolve(`${name}: ${error.message}`));
    outgoing.end(JSON.stringify(body));
  });
}

const pool = { PoolID: 'local/10.50.0.0/24' };
const NetworkID = 'd'.repeat(64);
const data = { AddressSpace: 'local', Pool: '10.50.0.0/24', Gateway: '10.50.0.1/24' };

/** `docker network create`, as calls. */
export const createNetwork: readonly DockerCall[] = [
  {
    name: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'local', Pool: data.Pool, SubPool: '', V6: false },
  },
  {
    name: 'IpamDriver.RequestAddress',
    body: {
      ...pool,
      Address: '10.50.0.1',
      Options: { RequestAddressType: 'com.docker.network.gateway' },
    },
  },
  { name: 'NetworkDriver.CreateNetwork', body: { NetworkID, IPv4Data: [data], IPv6Data: [], Options: {} } },
];

/** `docker network rm`, as calls. */
export const removeNetwork: readonly DockerCall[] = [
  { name: 'NetworkDriver.DeleteNetwork', body: { NetworkID } },
  { name: 'IpamDriver.ReleaseAddress', body: { ...pool, Address: '10.50.0.1' } },
  { name: 'IpamDriver.ReleasePool', body: pool },
];

/** `docker run -p` of one of several containers up to the start of its process, as calls. */
export function attachContainer(index: number): readonly DockerCall[] {
  const { ids, address } = containerOf(index);
  const portmap = [{ Proto: 6, Port: 80, HostPort: 9400 + index, HostPortEnd: 9400 + index }];
  return [
    { name: 'IpamDriver.RequestAddress', body: { ...pool, Address: address, Options: {} } },
    {
      name: 'NetworkDriver.CreateEndpoint',
      body: { ...ids, Interface: { Address: `${address}/24`, AddressIPv6: '', MacAddress: '' } },
    },
    { name: 'NetworkDriver.Join', body: { ...ids, SandboxKey: `/run/docker/netns/${index}` } },
    {
      name: 'NetworkDriver.ProgramExternalConnectivity',
      body: { ...ids, Options: { 'com.docker.network.portmap': portmap } },
    },
  ];
}

/** The end of one of several containers, as calls. */
export function detachContainer(index: number): readonly DockerCall[] {
  const { ids, address } = containerOf(index);
  return [
    { name: 'NetworkDriver.RevokeExternalConnectivity', body: ids },
    { name: 'NetworkDriver.Leave', body: ids },
    { name: 'NetworkDriver.DeleteEndpoint', body: ids },
    { name: 'IpamDriver.ReleaseAddress', body: { ...pool, Address: address } },
  ];
}

function containerOf(index: number) {
  return {
    ids: { NetworkID, EndpointID: String(index).padEnd(64, 'e') },
    address: `10.50.0.${index + 10}`,
  };
}
