import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import { httpWhoami } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import type { Harness } from './harness.ts';
import { failedPing, expectNoPing, expectNoWeb, expectPing, expectWeb } from './probes.ts';
import { surroundings } from './surroundings.ts';

const host = lanAddresses.engine.ipv4;
const { secondHostAddress } = surroundings;

/** Makes the network n1 with options, and removes it after the case with these containers. */
async function withOptions(
  harness: Harness,
  options: Readonly<Record<string, string>>,
  ...containers: string[]
) {
  const { createNetwork, docker, remove, defer } = harness;
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await createNetwork('n1', '--subnet', '10.88.0.0/24', ...flags);
  defer(async () => {
    await remove(...containers);
    await docker('network', 'rm', 'n1');
  });
}

/** Options of networks under Docker's keys. */
export const options: Group = {
  name: 'options of networks',
  cases: [
    {
      name: 'the MTU is that of the interface, and holds',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.driver.mtu': '1400' }, 'web', 'client');
        const { run, inside } = harness;
        await Promise.all([run('web', 'n1'), run('client', 'n1')]);
        expect(await inside('web')('ip', '-o', 'link', 'show', 'eth0')).toContain('mtu 1400');
        await inside('client')('ping', '-c', '1', '-W', '2', '-M', 'do', '-s', '1372', 'web');
        expect(await failedPing(inside('client'), '-M', 'do', '-s', '1373', 'web')).toContain('mtu=1400');
      },
    },
    {
      name: 'enable_icc=false keeps containers apart, not their way out nor published ports',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.bridge.enable_icc': 'false' }, 'web', 'client');
        const { run, inside, lan, attachment } = harness;
        await Promise.all([run('web', 'n1', '--hostname', 'web', '-p', '8080:80'), run('client', 'n1')]);
        const address = await attachment('web', 'n1', 'IPAddress');
        await expectNoWeb(inside('client'), address);
        await expectNoPing(inside('client'), address);
        await expectPing(inside('client'), lanAddresses.lan.ipv4, '10.88.0.1');
        await expectWeb(lan, `${host}:8080`, 'web');
      },
    },
    {
      name: 'enable_icc=false lets containers use the published ports of each other',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.bridge.enable_icc': 'false' }, 'web', 'client');
        const { run, inside } = harness;
        await Promise.all([run('web', 'n1', '--hostname', 'web', '-p', '8080:80'), run('client', 'n1')]);
        await expectWeb(inside('client'), `${host}:8080`, 'web');
      },
    },
    {
      name: 'enable_ip_masquerade=false shows the address of the container outside',
      bridgeFails: {
        because:
          'what comes for the address of a container over another link is dropped since version 28, answers too',
        since: '28.0',
        error: /ping.*192\.0\.2\.2/,
      },
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.bridge.enable_ip_masquerade': 'false' }, 'client');
        const { run, inside, lan, defer } = harness;
        await run('client', 'n1');
        await expectNoPing(inside('client'), lanAddresses.lan.ipv4);
        await lan('ip', 'route', 'add', '10.88.0.0/24', 'via', host);
        defer(() => lan('ip', 'route', 'del', '10.88.0.0/24', 'via', host));
        await expectPing(inside('client'), lanAddresses.lan.ipv4);
      },
    },
    {
      name: 'bridge.name names the bridge',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.bridge.name': 'office0' });
        expect(await harness.host('ip', '-o', '-4', 'address', 'show', 'office0')).toContain('10.88.0.1/24');
      },
    },
    {
      name: 'host_binding_ipv4 is where ports are published without an address',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1' }, 'web');
        const { run, lan, host: own } = harness;
        await run('web', 'n1', '--hostname', 'web', '-p', '8080:80', '-p', `${host}:8081:80`);
        await expectWeb(own, '127.0.0.1:8080', 'web');
        await expectNoWeb(lan, `${host}:8080`);
        await expectWeb(lan, `${host}:8081`, 'web');
      },
    },
    {
      name: 'container_iface_prefix names the interface',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.container_iface_prefix': 'lan' }, 'web');
        await harness.run('web', 'n1');
        expect(await harness.inside('web')('ip', '-o', '-4', 'address', 'show', 'lan0')).toContain(
          '10.88.0.2',
        );
      },
    },
    {
      name: 'host_ipv4 is the address that containers go out with',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.host_ipv4': secondHostAddress }, 'client');
        await harness.run('client', 'n1');
        expect(await sourceSeenOnLan(harness, 'client')).toBe(secondHostAddress);
      },
    },
    {
      name: 'without host_ipv4 they go out with the address of the route',
      check: async (harness) => {
        await withOptions(harness, {}, 'client');
        await harness.run('client', 'n1');
        expect(await sourceSeenOnLan(harness, 'client')).toBe(host);
      },
    },
    {
      name: 'gateway_mode_ipv4=routed answers the LAN by route, at published ports, with its own address',
      since: '28.0',
      check: async (harness) => {
        await withOptions(harness, { 'com.docker.network.bridge.gateway_mode_ipv4': 'routed' }, 'web');
        const { run, lan, defer } = harness;
        await run('web', 'n1', '--hostname', 'web', '-p', '80');
        await lan('ip', 'route', 'add', '10.88.0.0/24', 'via', host);
        defer(() => lan('ip', 'route', 'del', '10.88.0.0/24', 'via', host));
        await expectWeb(lan, '10.88.0.2', 'web');
        expect(await httpWhoami(lan, '10.88.0.2')).toBe(lanAddresses.lan.ipv4);
        await expectPing(harness.inside('web'), lanAddresses.lan.ipv4);
      },
    },
    {
      name: 'a bad value is refused, with the key',
      check: async ({ createNetworkFails }) => {
        expect(
          await createNetworkFails('bad', '-o', 'com.docker.network.bridge.enable_icc=perhaps'),
        ).toContain('enable_icc');
      },
    },
  ],
};

/** The address that a neighbour on the LAN sees a container with: the source of its first datagram. */
async function sourceSeenOnLan({ engine, inside }: Harness, container: string): Promise<string> {
  const seen = engine.lan.exec(
    'timeout',
    '5',
    'socat',
    '-u',
    'UDP4-RECVFROM:5399',
    // It reads what came before it answers: socat fails when nobody takes it.
    'SYSTEM:cat >/dev/null; echo $SOCAT_PEERADDR',
  );
  const send = `for i in 1 2 3 4 5; do echo x | socat -u - UDP4:${lanAddresses.lan.ipv4}:5399; sleep 0.1; done`;
  await inside(container)('sh', '-c', send).catch(() => '');
  return seen;
}
