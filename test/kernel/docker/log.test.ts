import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDaemon, type Daemon } from '../../support/daemon.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

let netns: Netns;
let daemon: Daemon;

beforeAll(async () => {
  netns = await createNetns('log');
  daemon = createDaemon(netns);
  await daemon.start();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await netns[Symbol.asyncDispose]();
});

const ids = { NetworkID: 'a'.repeat(64), EndpointID: 'b'.repeat(64) };

async function call(name: string, body: object): Promise<void> {
  expect(await daemon.call(name, body)).not.toHaveProperty('Err');
}

/** The lines at level `info` that tell of lives. */
function told(): object[] {
  return daemon
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":"info"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ message }) => /^(?:network|endpoint|ports) /.test(String(message)));
}

it('tells of each network and endpoint that is made and ended: who, addresses, MAC and ports', async () => {
  await call('NetworkDriver.CreateNetwork', {
    NetworkID: ids.NetworkID,
    Options: { 'com.docker.network.generic': {} },
    IPv4Data: [{ AddressSpace: 'x', Pool: '10.81.9.0/24', Gateway: '10.81.9.1/24', AuxAddresses: {} }],
    IPv6Data: [],
  });
  await call('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: '10.81.9.7/24' }, Options: {} });
  await call('NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/4f2a', Options: {} });
  await call('NetworkDriver.ProgramExternalConnectivity', {
    ...ids,
    Options: { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8088, HostPortEnd: 8088 }] },
  });
  await call('NetworkDriver.RevokeExternalConnectivity', ids);
  await call('NetworkDriver.DeleteEndpoint', ids);
  await call('NetworkDriver.DeleteNetwork', { NetworkID: ids.NetworkID });
  const network = { network: ids.NetworkID, origin: 'docker', subnets: ['10.81.9.0/24'] };
  const endpoint = {
    endpoint: ids.EndpointID,
    network: ids.NetworkID,
    sandbox: '/var/run/docker/netns/4f2a',
    addresses: ['10.81.9.7/24'],
    mac: '02:42:0a:51:09:07',
  };
  expect(told()).toMatchObject([
    { message: 'network made', ...network },
    { message: 'endpoint made', ...endpoint, ports: [] },
    { message: 'ports changed', ...endpoint, ports: ['0.0.0.0:8088->80/tcp'] },
    { message: 'ports changed', ...endpoint, ports: [] },
    { message: 'endpoint ended', ...endpoint },
    { message: 'network ended', ...network },
  ]);
});
