import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/engine-run.ts';
import { importImage, podmanImage, startPodman, type PodmanHost } from '../support/podman-host.ts';
import { httpGet, httpWhoami, ping, udpAsk } from '../support/traffic.ts';

// Podman 5.4 with netavark 1.14 of Debian 13, against the netavark plugin as it is built. What it sent here is in
// test/fixtures/netavark, and test/kernel/netavark/recorded.test.ts sends it again where there is no Podman 5.
const isWanted = process.env['TSNET_TEST_ENGINES'] === 'all';
const suite = join(import.meta.dirname, '../../scripts/lib/suite');

describe.runIf(isWanted).each(['with the daemon', 'without the daemon'])('Podman 5.4 %s', (mode) => {
  let host: PodmanHost;

  beforeAll(async () => {
    const root = await run(suite, ['podman-5.4'], { timeoutMs: 600_000 });
    host = await startPodman({ root, runtime: 'crun', network: ['network_backend="netavark"'] });
    await host.tsnet('install', 'netavark');
    await importImage(host);
    if (mode === 'with the daemon') await host.startDaemon();
  });
  afterAll(async () => {
    // Plugins do the work themselves where no daemon answers.
    if (mode === 'with the daemon') {
      const log = await host.daemonLog();
      expect(log).toContain('plugin call');
      expect(log).not.toContain('"level":"error"');
    }
    await host[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await host.podman('rm', '--all', '--force', '--time', '0');
    await host.podman('network', 'prune', '--force');
    expect(await host.leftovers()).toEqual([]);
    expect(await host.podman('network', 'ls', '--format', '{{.Name}}')).toBe('podman');
  });

  const podman = (...args: string[]) => host.podman(...args);
  const start = (name: string, ...args: string[]) =>
    podman('run', '--detach', '--name', name, ...args, podmanImage);
  const networkOf = async (container: string, network: string) =>
    (
      JSON.parse(
        await podman('inspect', '--format', '{{json .NetworkSettings.Networks}}', container),
      ) as Networks
    )[network];

  it('knows the driver as long as it is installed', async () => {
    const drivers = () => podman('info', '--format', '{{.Plugins.Network}}');
    expect(await drivers()).toContain('tsnet');
    await host.tsnet('uninstall', 'netavark');
    expect(await drivers()).not.toContain('tsnet');
    await host.tsnet('install', 'netavark');
  });

  it('creates networks, and says what is wrong with them', async () => {
    await podman('network', 'create', '--driver', 'tsnet', '--ipv6', 'one');
    await podman('network', 'create', '--driver', 'tsnet', 'two');
    const subnets = async (name: string) =>
      JSON.parse(await podman('network', 'inspect', '--format', '{{json .Subnets}}', name)) as {
        subnet: string;
      }[];
    const [all, others] = [await subnets('one'), await subnets('two')];
    expect(all.map(({ subnet }) => subnet)).toEqual(['172.17.0.0/16', 'fd74:736e:6574::/64']);
    expect(others.map(({ subnet }) => subnet)).toEqual(['172.18.0.0/16']);
    const fails = (...args: string[]) => host.podmanFails('network', 'create', '--driver', 'tsnet', ...args);
    expect(await fails('--opt', 'colour=red', 'x')).toMatch(
      /option: "colour" is not allowed, expected one of mtu/,
    );
    expect(await fails('--opt', 'mtu=12', 'x')).toMatch(/option mtu: "12" is not allowed/);
    expect(await fails('--subnet', '172.17.3.0/24', 'x')).toMatch(
      /overlap network one \(172\.17\.0\.0\/16\)/,
    );
    expect(await fails('--ipam-driver', 'dhcp', 'x')).toMatch(/"dhcp" is not supported/);
    expect(await host.leftovers()).toEqual([]);
  });

  it('gives a container its address, MAC, name and ports, and takes all of it back', async () => {
    await podman(
      'network',
      'create',
      '--driver',
      'tsnet',
      '--subnet',
      '10.44.0.0/24',
      '--subnet',
      'fd00:44::/64',
      'one',
    );
    await start(
      'web',
      '--network=one:ip=10.44.0.50,mac=02:00:00:00:00:50,alias=w,interface_name=net7',
      '--publish=8080:80',
      '--publish=5353:5353/udp',
      '--publish=192.0.2.1:9000-9002:80-82',
    );
    await start('client', '--network', 'one');
    expect(await networkOf('web', 'one')).toMatchObject({
      IPAddress: '10.44.0.50',
      IPPrefixLen: 24,
      Gateway: '10.44.0.1',
      IPv6Gateway: 'fd00:44::1',
      MacAddress: '02:00:00:00:00:50',
    });
    const { GlobalIPv6Address: ipv6 } = (await networkOf('web', 'one')) as Record<string, string>;
    expect(await host.container('web')('ip', 'link', 'show', 'net7')).toContain('02:00:00:00:00:50');
    // Two containers, then the host, then its neighbour.
    await ping(host.container('client'), '10.44.0.50');
    await ping(host.container('client'), ipv6 ?? '');
    const name = await host.container('web')('hostname');
    expect(await httpGet(host.exec, 'http://127.0.0.1:8080/')).toBe(name);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
    expect(await httpGet(host.lan, 'http://[2001:db8:1::1]:8080/')).toBe(name);
    expect(await httpGet(host.lan, 'http://192.0.2.1:9000/')).toBe(name);
    expect(await httpWhoami(host.lan, '192.0.2.1:8080')).toBe('192.0.2.2');
    expect(await udpAsk(host.lan, '192.0.2.1', 5353, 'hello')).toBe('hello');
    // Out, with the host's address.
    await ping(host.container('web'), '192.0.2.2');
    await podman('rm', '--force', '--time', '0', 'web', 'client');
    await expect(httpGet(host.lan, 'http://192.0.2.1:8080/')).rejects.toThrow();
    expect(await host.leftovers()).toEqual([]);
    await podman('network', 'rm', 'one');
  });

  it('limits the speed of a container as its network says, and as it wishes itself', async () => {
    const limits = async () => {
      const text = await host.exec('tc', 'qdisc', 'show');
      const found = text.matchAll(/^qdisc tbf .* dev (ts[iv])-\w+ .*rate (\w+)/gm);
      return [...found].map(([, link, rate]) => `${link} ${rate}`).sort();
    };
    await podman('network', 'create', '--driver', 'tsnet', '--opt', 'tsnet.rate=50mbit', 'slow');
    await start('web', '--network', 'slow');
    expect(await limits()).toEqual(['tsi 50Mbit', 'tsv 50Mbit']);
    await podman('rm', '--force', '--time', '0', 'web');
    await start('web', '--network', 'slow:egress_rate=5mbit');
    expect(await limits()).toEqual(['tsi 5Mbit', 'tsv 50Mbit']);
    await podman('network', 'reload', 'web');
    expect(await limits()).toEqual(['tsi 5Mbit', 'tsv 50Mbit']);
    const refused = await host.podmanFails('run', '--network', 'slow:colour=red', podmanImage);
    expect(refused).toContain('"colour" is not known');
  });

  it('keeps ports and addresses over restart and reload, and connects and disconnects', async () => {
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.44.0.0/24', 'one');
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.45.0.0/24', 'two');
    await start('web', '--network', 'one', '-p', '8080:80');
    await start('client', '--network', 'two');
    const name = await host.container('web')('hostname');
    const address = ((await networkOf('web', 'one')) as Record<string, string>)['IPAddress'];
    await podman('network', 'connect', '--ip', '10.45.0.9', 'two', 'web');
    await ping(host.container('client'), '10.45.0.9');
    expect(await host.container('web')('ip', 'route', 'show', 'default')).toBe(
      'default via 10.44.0.1 dev eth0 proto static metric 100 \ndefault via 10.45.0.1 dev eth1 proto static metric 101',
    );
    await podman('network', 'disconnect', 'two', 'web');
    await expect(ping(host.container('client'), '10.45.0.9')).rejects.toThrow();
    await podman('restart', '--time', '0', 'web');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
    const before = (await networkOf('web', 'one')) as Record<string, string>;
    await podman('network', 'reload', 'web');
    expect(await networkOf('web', 'one')).toEqual(before);
    expect(address).toMatch(/^10\.44\.0\./);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
  });

  it('refuses a port that another container has, and starts it when that one is gone', async () => {
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.44.0.0/24', 'one');
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.45.0.0/24', 'two');
    await start('web', '--network', 'one', '-p', '8080:80');
    const refused = await host.podmanFails(
      'run',
      '-d',
      '--name',
      'late',
      '--network',
      'two',
      '-p',
      '8080:80',
      podmanImage,
    );
    expect(refused).toMatch(/8080/);
    await podman('rm', '--force', '--time', '0', 'web');
    await podman('start', 'late');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(await host.container('late')('hostname'));
  });

  it('gives a pod one address and its ports', async () => {
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.44.0.0/24', 'one');
    await podman('pod', 'create', '--name', 'pod', '--network', 'one:ip=10.44.0.9', '-p', '8080:80');
    await start('web', '--pod', 'pod');
    await podman('run', '--detach', '--name', 'side', '--pod', 'pod', podmanImage, 'sleep', '600');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('pod');
    expect(await httpGet(host.container('side'), 'http://127.0.0.1/')).toBe('pod');
    expect(await host.container('side')('ip', '-o', '-4', 'address', 'show', 'eth0')).toContain(
      '10.44.0.9/24',
    );
    await podman('pod', 'rm', '--force', '--time', '0', 'pod');
  });

  it.runIf(mode === 'with the daemon')('goes on while the daemon is away', async () => {
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.44.0.0/24', 'one');
    await start('web', '--network', 'one', '-p', '8080:80');
    await host.stopDaemon();
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(await host.container('web')('hostname'));
    await podman('rm', '--force', '--time', '0', 'web');
    await start('web', '--network', 'one', '-p', '8080:80');
    await host.startDaemon();
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(await host.container('web')('hostname'));
    await podman('rm', '--force', '--time', '0', 'web');
  });

  it('stands beside networks of Podman itself', async () => {
    await podman('network', 'create', '--driver', 'tsnet', '--subnet', '10.44.0.0/24', 'one');
    await start('web', '--network', 'podman', '--network', 'one', '-p', '8080:80');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(await host.container('web')('hostname'));
    await podman('rm', '--force', '--time', '0', 'web');
  });
});

type Networks = Readonly<Record<string, Readonly<Record<string, string | number>>>>;
