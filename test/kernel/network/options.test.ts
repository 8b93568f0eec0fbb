import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recover } from '../../../src/network/index.ts';
import { createHost, type Host } from '../../support/host.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns } from '../../support/netns.ts';

// What the options of a network do to the kernel, asked for as an engine asks.
const NetworkID = 'a'.repeat(64);
const bridge = `tsb-${'a'.repeat(10)}`;
const endpointId = (digit: string) => digit.repeat(64);
const IPv4Data = [{ AddressSpace: '', Pool: '10.1.0.0/24', Gateway: '10.1.0.1/24' }];
const IPv6Data = [{ AddressSpace: '', Pool: 'fd00:1::/64', Gateway: 'fd00:1::1/64' }];
const generic = 'com.docker.network.generic';
const web = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 };

let host: Host;
let untouched: readonly string[];
beforeEach(async () => {
  host = await createHost();
  await host.netns.exec('sh', '-ec', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
  await host.netns.exec('sh', '-ec', 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding');
  untouched = await hostFacts(host.netns);
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const create = (options: Readonly<Record<string, string>>, more: object = {}) =>
  host.succeed('NetworkDriver.CreateNetwork', {
    NetworkID,
    Options: { [generic]: options },
    IPv4Data,
    IPv6Data,
    ...more,
  });
const createInternal = (options: Readonly<Record<string, string>>, more: object = {}) =>
  create({}, { Options: { [generic]: options, 'com.docker.network.internal': true }, ...more });
const remove = () => host.succeed('NetworkDriver.DeleteNetwork', { NetworkID });

async function attach(digit: string, ports: readonly object[] = [], address = digit) {
  const ids = { NetworkID, EndpointID: endpointId(digit) };
  await host.succeed('NetworkDriver.CreateEndpoint', {
    ...ids,
    Interface: { Address: `10.1.0.${address}/24`, AddressIPv6: `fd00:1::${address}/64` },
  });
  const answer = await host.succeed('NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/1' });
  const Options = { 'com.docker.network.portmap': ports };
  await host.succeed('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
  return answer;
}

async function addressesOf(link: string): Promise<string[]> {
  const { stdout } = await host.netns.exec('ip', '-o', 'address', 'show', 'dev', link);
  return stdout.split('\n').flatMap((line) => /inet6? (\S+)/.exec(line)?.[1] ?? []);
}

async function set(name: string, table = 'inet'): Promise<string> {
  const { stdout } = await host.netns.exec('nft', 'list', 'set', table, 'tsnet', name);
  return stdout.replaceAll(/\s+/g, ' ').replaceAll(/ comment "[^"]*"/g, '');
}

describe('a bridge that others made', () => {
  const adopt = () => create({ bridge: 'lan0' });
  const withUplink = `ip link add lan0 type bridge; ip link add uplink type veth peer name cable
    ip link set uplink master lan0 up; ip address add 192.0.2.1/24 dev lan0`;

  it('is used as it is, gets the addresses it lacks, and is left with what it had', async () => {
    await host.netns.exec(
      'sh',
      '-ec',
      `${withUplink}; ip address add 10.1.0.1/24 dev lan0; ip link set lan0 up`,
    );
    // Routes of the kernel's own come and go with the state of the ports.
    const facts = async () => (await hostFacts(host.netns)).filter((line) => !/ff00::|fe80::/.test(line));
    const before = await facts();
    await adopt();
    expect(await addressesOf('lan0')).toEqual(
      expect.arrayContaining(['192.0.2.1/24', '10.1.0.1/24', 'fd00:1::1/64']),
    );
    await attach('2', [web]);
    const { stdout } = await host.netns.exec('ip', '-o', 'link', 'show', 'master', 'lan0');
    expect(stdout).toMatch(/uplink/);
    expect(stdout).toMatch(/tsv-2222222222/);
    await adopt();
    expect(await recover(host.context)).toEqual([]);
    await remove();
    expect(await facts()).toEqual(before);
  });

  it('is set up if it is down, now and later', async () => {
    await host.netns.exec('sh', '-ec', withUplink);
    await adopt();
    const isUp = async () => (await host.netns.exec('ip', 'link', 'show', 'lan0')).stdout.includes('UP');
    expect(await isUp()).toBe(true);
    await host.netns.exec('ip', 'link', 'set', 'lan0', 'down');
    await recover(host.context);
    expect(await isUp()).toBe(true);
  });

  it('that is gone is not replaced: joining says so, and other networks are recovered all the same', async () => {
    await host.netns.exec('sh', '-ec', withUplink);
    await adopt();
    const other = { NetworkID: 'b'.repeat(64), IPv4Data: [{ Pool: '10.2.0.0/24', Gateway: '10.2.0.1/24' }] };
    await host.succeed('NetworkDriver.CreateNetwork', other);
    await host.netns.exec('sh', '-ec', `ip link del lan0; ip link del tsb-${'b'.repeat(10)}`);
    const ids = { NetworkID, EndpointID: endpointId('2') };
    await host.succeed('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: '10.1.0.2/24' } });
    const { body } = await host.call('NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/1' });
    expect(body['Err']).toContain('somebody removed the bridge (if tsnet did not make it, make it again');
    await recover(host.context);
    expect(await addressesOf(`tsb-${'b'.repeat(10)}`)).toContain('10.2.0.1/24');
    expect(host.complaints.join()).toContain('waits for its bridge');
    await host.netns.exec('sh', '-ec', `ip link del uplink; ${withUplink}`);
    await recover(host.context);
    expect(await addressesOf('lan0')).toEqual(expect.arrayContaining(['192.0.2.1/24', '10.1.0.1/24']));
    await attach('3');
    await remove();
    await host.succeed('NetworkDriver.DeleteNetwork', other);
    expect(await addressesOf('lan0')).not.toContain('10.1.0.1/24');
    expect(await addressesOf('lan0')).toContain('192.0.2.1/24');
  });

  it('is none if it is something else, which stays as it is', async () => {
    await host.netns.exec('ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'cable');
    const before = await hostFacts(host.netns);
    const { body } = await host.call('NetworkDriver.CreateNetwork', {
      NetworkID,
      Options: { [generic]: { bridge: 'lan0' } },
      IPv4Data,
    });
    expect(body['Err']).toContain('interface lan0 is in the way, and it is no bridge');
    expect(await hostFacts(host.netns)).toEqual(before);
  });

  it('may not be that of another network, and what has the name by chance survives the attempt', async () => {
    await create({ bridge: 'lan0' });
    const before = await hostFacts(host.netns);
    const other = { NetworkID: 'b'.repeat(64), IPv4Data: [{ Pool: '10.2.0.0/24', Gateway: '10.2.0.1/24' }] };
    const taken = await host.call('NetworkDriver.CreateNetwork', {
      ...other,
      Options: { [generic]: { bridge: 'lan0' } },
    });
    expect(taken.body['Err']).toContain('bridge lan0 belongs to network');
    await host.netns.exec('ip', 'link', 'add', `tsb-${'b'.repeat(10)}`, 'type', 'bridge');
    const withStranger = await hostFacts(host.netns);
    const inTheWay = await host.call('NetworkDriver.CreateNetwork', other);
    expect(inTheWay.body['Err']).toContain('is in the way');
    expect(await hostFacts(host.netns)).toEqual(withStranger);
    await host.netns.exec('ip', 'link', 'del', `tsb-${'b'.repeat(10)}`);
    expect(await hostFacts(host.netns)).toEqual(before);
  });
});

describe('gateway modes', () => {
  const routed = { gateway_mode_ipv4: 'routed', gateway_mode_ipv6: 'routed' };

  it('routed opens published ports at the container, takes none of the host, and closes them again', async () => {
    await create(routed);
    await attach('2', [web, { ...web, Proto: 17 }]);
    // The host's port 8080 is nobody's, so that another container may be published under the same number.
    await attach('3', [web]);
    for (const port of ['10.1.0.3 . tcp', '10.1.0.2 . tcp', '10.1.0.2 . udp'])
      expect(await set('open4')).toContain(`${port} . 80 . "${bridge}"`);
    expect(await set('open6')).toMatch(/fd00:1::2 \. udp \. 80/);
    const maps = await host.netns.exec('nft', 'list', 'map', 'inet', 'tsnet', 'publish4_any');
    expect(maps.stdout).not.toContain('elements');
    expect(await recover(host.context)).toEqual([]);
    for (const digit of ['2', '3'])
      await host.succeed('NetworkDriver.RevokeExternalConnectivity', {
        NetworkID,
        EndpointID: endpointId(digit),
      });
    expect(await set('open4')).not.toContain('elements');
    expect(await set('open6')).not.toContain('elements');
    await remove();
    expect(await hostFacts(host.netns)).toEqual(untouched);
  });

  it('routed opens nothing that is published on one address of the host only', async () => {
    await create(routed);
    await attach('2', [
      { ...web, HostIP: '127.0.0.1' },
      { ...web, Port: 81, HostIP: '0.0.0.0' },
    ]);
    expect(await set('open4')).toMatch(/elements = \{ 10\.1\.0\.2 \. tcp \. 81 \. "tsb-a+" \}/);
    expect(await set('open6')).not.toContain('elements');
  });

  it('routed in one family leaves the other translated', async () => {
    await create({ gateway_mode_ipv6: 'routed' });
    await attach('2', [web]);
    expect(await set('open4')).not.toContain('elements');
    expect(await set('open6')).toContain('fd00:1::2 . tcp . 80');
    const { stdout } = await host.netns.exec('nft', 'list', 'table', 'inet', 'tsnet');
    expect(stdout).toMatch(/tcp \. 8080 comment "[^"]*" : 10\.1\.0\.2 \. 80/);
    expect(stdout).not.toMatch(/: fd00:1::2 \. 80/);
  });

  it('nat opens published ports to trusted interfaces at the container', async () => {
    await create({ 'com.docker.network.bridge.trusted_host_interfaces': 'eth1:wg0' });
    await attach('2', [web]);
    expect(await set('trusted_interfaces')).toMatch(
      /"eth1" \. "tsb-a+", "wg0" \. "tsb-a+"|"wg0" \. "tsb-a+", "eth1"/,
    );
    expect(await set('open4')).toContain('10.1.0.2 . tcp . 80');
    expect(await recover(host.context)).toEqual([]);
  });

  it('isolated leaves the host without any address in the network', async () => {
    await createInternal({ gateway_mode_ipv4: 'isolated', gateway_mode_ipv6: 'isolated' });
    expect(await addressesOf(bridge)).toEqual([]);
    // A container may have the address that the gateway would have: its hardware address must not be the bridge's.
    expect(await attach('1')).toMatchObject({ Gateway: '', GatewayIPv6: '' });
    const { stdout } = await host.netns.exec('ip', '-o', 'link', 'show', bridge);
    expect(stdout).not.toContain('02:42:0a:01:00:01');
    expect(await recover(host.context)).toEqual([]);
    await remove();
    expect(await hostFacts(host.netns)).toEqual(untouched);
  });

  it('engines are told which gateways need no address', async () => {
    const ask = (options: object, internal: boolean) =>
      host.succeed('NetworkDriver.GwAllocCheck', {
        Options: { [generic]: options, 'com.docker.network.internal': internal },
      });
    expect(await ask({ gateway_mode_ipv4: 'isolated' }, true)).toEqual({ SkipIPv4: true, SkipIPv6: false });
    expect(await ask({ gateway_mode_ipv6: 'isolated' }, true)).toEqual({ SkipIPv4: false, SkipIPv6: true });
    expect(await ask({ inhibit_ipv4: 'true' }, true)).toEqual({ SkipIPv4: true, SkipIPv6: false });
    expect(await ask({ inhibit_ipv4: 'true' }, false)).toEqual({ SkipIPv4: false, SkipIPv6: false });
    expect(await ask({}, true)).toEqual({ SkipIPv4: false, SkipIPv6: false });
  });
});

describe('addresses', () => {
  it('of the gateway are another’s with inhibit_ipv4, and still the way out', async () => {
    await create({ inhibit_ipv4: 'true' });
    const found = await addressesOf(bridge);
    expect(found).toContain('fd00:1::1/64');
    expect(found).not.toContain('10.1.0.1/24');
    expect(await attach('2')).toMatchObject({ Gateway: '10.1.0.1' });
  });

  it('may be IPv6 only', async () => {
    await create({}, { IPv4Data: [] });
    expect(await addressesOf(bridge)).toContain('fd00:1::1/64');
    const ids = { NetworkID, EndpointID: endpointId('2') };
    await host.succeed('NetworkDriver.CreateEndpoint', {
      ...ids,
      Interface: { AddressIPv6: 'fd00:1::2/64' },
    });
    expect(await host.succeed('NetworkDriver.Join', { ...ids, SandboxKey: '/run/1' })).toMatchObject({
      Gateway: '',
      GatewayIPv6: 'fd00:1::1',
      DisableGatewayService: true,
    });
    const Options = { 'com.docker.network.portmap': [web] };
    await host.succeed('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
    await remove();
    expect(await hostFacts(host.netns)).toEqual(untouched);
  });

  it.each([
    ['fe80::/64', 'fe80::1'],
    ['fd00:2::/64', 'fe80::1'],
  ])('may have a link-local gateway: %s, %s', async (Pool, gateway) => {
    const data = { IPv6Data: [{ AddressSpace: '', Pool, Gateway: `${gateway}/64` }] };
    await create({}, data);
    expect(await addressesOf(bridge)).toContain('fe80::1/64');
    expect(await recover(host.context)).toEqual([]);
    await host.netns.exec('ip', 'address', 'del', 'fe80::1/64', 'dev', bridge);
    await recover(host.context);
    expect(await addressesOf(bridge)).toContain('fe80::1/64');
    await create({}, data);
    await remove();
    expect(await hostFacts(host.netns)).toEqual(untouched);
  });

  it.each([
    ['239.1.0.0/16', '239.1.0.1/16', 'addresses of hosts, not of groups'],
    ['10.1.0.0/24', '10.9.0.1/24', 'an address in 10.1.0.0/24'],
  ])('must be usable: %s with %s', async (Pool, Gateway, message) => {
    const { body } = await host.call('NetworkDriver.CreateNetwork', {
      NetworkID,
      IPv4Data: [{ Pool, Gateway }],
    });
    expect(body['Err']).toContain(message);
  });

  it('can’t be a part of fe80::/64', async () => {
    const IPv6 = [{ Pool: 'fe80::/80', Gateway: 'fe80::1/80' }];
    const { body } = await host.call('NetworkDriver.CreateNetwork', { NetworkID, IPv4Data, IPv6Data: IPv6 });
    expect(body['Err']).toContain('fe80::/64 itself');
  });
});

describe('antispoof', () => {
  it('guards every port, notices what is lost, and leaves nothing', async () => {
    await create({ 'tsnet.antispoof': 'true' });
    await attach('2');
    await attach('3');
    expect(await set('sources4', 'bridge')).toMatch(/"tsv-2+" \. 10\.1\.0\.2/);
    expect(await set('sources6', 'bridge')).toMatch(/"tsv-2+" \. fe80::42:aff:fe01:2/);
    const facts = await hostFacts(host.netns);
    expect(await recover(host.context)).toEqual([]);
    await host.netns.exec('nft', 'delete', 'table', 'bridge', 'tsnet');
    await recover(host.context);
    expect(await hostFacts(host.netns)).toEqual(facts);
    await host.netns.exec('nft', 'flush', 'ruleset');
    await attach('4');
    expect(await set('ports', 'bridge')).toMatch(/tsv-2+.*tsv-4+|tsv-4+.*tsv-2+/);
    await host.succeed('NetworkDriver.DeleteEndpoint', { NetworkID, EndpointID: endpointId('2') });
    expect(await set('ports', 'bridge')).not.toMatch(/tsv-2/);
    await remove();
    expect(await hostFacts(host.netns)).toEqual(untouched);
  });
});

describe('without icc', () => {
  it('the firewall judges between neighbours, whatever the setting of the host, and lets published ports pass', async () => {
    const settings =
      'for name in iptables ip6tables; do echo 0 >/proc/sys/net/bridge/bridge-nf-call-$name; done';
    await host.netns.exec('sh', '-ec', settings);
    await create({ 'com.docker.network.bridge.enable_icc': 'false' });
    await attach('2', [web]);
    await attach('3');
    await using server = await createNetns('server');
    await using client = await createNetns('client');
    for (const [netns, digit] of [
      [server, '2'],
      [client, '3'],
    ] as const) {
      const link = `tsc-${digit.repeat(10)}`;
      await host.netns.exec('ip', 'link', 'set', link, 'netns', netns.path);
      await netns.exec(
        'sh',
        '-ec',
        `ip address add 10.1.0.${digit}/24 dev ${link}; ip link set ${link} up; ip route add default via 10.1.0.1`,
      );
    }
    const listener = spawn(
      'nsenter',
      [`--net=${server.path}`, 'socat', 'tcp-listen:80,fork,reuseaddr', 'exec:echo web'],
      { stdio: 'ignore' },
    );
    const ask = (address: string) =>
      client.exec('sh', '-c', `socat -T 2 - tcp:${address},connect-timeout=0.5 </dev/null || true`);
    try {
      await expect.poll(async () => (await ask('10.1.0.1:8080')).stdout, { timeout: 5_000 }).toBe('web\n');
      expect((await ask('10.1.0.2:80')).stdout).toBe('');
    } finally {
      listener.kill();
    }
    expect(await recover(host.context)).toEqual([]);
    await host.netns.exec('ip', 'link', 'set', bridge, 'type', 'bridge', 'nf_call_iptables', '0');
    expect(await recover(host.context)).toHaveLength(1);
    expect((await ask('10.1.0.2:80')).stdout).toBe('');
  });
});

describe('options', () => {
  it('that contradict each other are refused, and nothing is left', async () => {
    const { body } = await host.call('NetworkDriver.CreateNetwork', {
      NetworkID,
      Options: { [generic]: { gateway_mode_ipv4: 'isolated' } },
      IPv4Data,
    });
    expect(body['Err']).toContain('option gateway_mode_ipv4: "isolated" is not allowed');
    expect(body['Err']).toContain('--internal');
    expect(await hostFacts(host.netns)).toEqual(untouched);
  });

  it('of Docker that mean nothing here are logged', async () => {
    await create({
      'com.docker.network.bridge.new_in_docker_99': '1',
      'com.docker.network.enable_ipv6': 'true',
    });
    expect(host.complaints.filter((line) => line.includes('without meaning'))).toEqual([
      expect.stringContaining('["com.docker.network.bridge.new_in_docker_99"]'),
    ]);
  });

  it('of an endpoint do no harm', async () => {
    await create({});
    await host.succeed('NetworkDriver.CreateEndpoint', {
      NetworkID,
      EndpointID: endpointId('2'),
      Interface: { Address: '10.1.0.2/24' },
      Options: {
        'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1',
        'com.docker.network.endpoint.macaddress': 'AkIKHwAy',
        nested: { deep: [1, null] },
      },
    });
  });

  it('of an endpoint that say that they are ours are refused, as those of a network', async () => {
    await create({});
    const answer = await host.call('NetworkDriver.CreateEndpoint', {
      NetworkID,
      EndpointID: endpointId('3'),
      Interface: { Address: '10.1.0.3/24' },
      Options: { 'tsnet.unheard': 'x' },
    });
    expect(answer.body['Err']).toMatch(/driver option tsnet\.unheard/);
  });
});
