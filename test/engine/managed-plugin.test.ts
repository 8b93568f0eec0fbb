import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage, type Engine } from '../support/engine.ts';
import { run, until } from '../support/engine-run.ts';
import { wantedEngines } from '../support/engine-versions.ts';
import { httpGet, httpWhoami, ping } from '../support/traffic.ts';

const { engine: host, lan } = lanAddresses;
const builder = join(import.meta.dirname, '../../scripts/build-managed-plugin');
/** What Docker calls the driver of a managed plugin: the tag belongs to the name. */
const driver = 'tsnet:latest';

describe.each(wantedEngines())('a managed plugin of engine $version', (options) => {
  let engine: Engine;
  let build: string;
  beforeAll(async () => {
    engine = await startEngine(options);
    // As on a host that systemd manages: mounts below /run reach those who mounted it.
    await engine.netns.exec('mount', '--make-rshared', '/run');
    build = join(engine.folder, 'plugin');
    await run(builder, [build]);
    await mkdir(join(engine.folder, 'state'));
  });
  // A test that failed must not fail the next ones.
  afterEach(async () => {
    const containers = (await engine.docker('ps', '-aq')).split('\n').filter(Boolean);
    if (containers.length > 0) await engine.docker('rm', '-f', ...containers);
    await engine.docker('network', 'prune', '-f');
    if ((await engine.docker('plugin', 'ls', '-q')) !== '')
      await engine.docker('plugin', 'rm', '-f', 'tsnet');
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  async function create(...settings: string[]): Promise<void> {
    await engine.docker('plugin', 'create', 'tsnet', build);
    await engine.docker(
      'plugin',
      'set',
      'tsnet',
      `state.source=${join(engine.folder, 'state')}`,
      ...settings,
    );
    await engine.docker('plugin', 'enable', 'tsnet');
  }

  const pluginProcess = () => engine.netns.exec('pgrep', '-f', '^node /usr/lib/tsnet/dist/main.cjs serve');

  const fromLan = (port: number) => httpWhoami(engine.lan.exec, `${host.ipv4}:${port}`);

  it.each(['nftables', 'iptables'])(
    'is installed, serves containers, is disabled, upgraded and removed (%s)',
    async (firewall) => {
      await create(`TSNET_FIREWALL=${firewall}`);
      await engine.docker(
        'network',
        'create',
        '-d',
        driver,
        '--ipam-driver',
        driver,
        '--subnet',
        '10.88.0.0/24',
        'n1',
      );
      await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', '-p', '8080:80', testImage);
      await engine.docker('run', '-d', '--name', 'client', '--network', 'n1', testImage);
      const client = engine.container('client');
      const works = async () => {
        await ping(client, 'web');
        await ping(client, lan.ipv4);
        expect(await fromLan(8080)).toBe(lan.ipv4);
      };
      await until('web serves', async () => (await httpGet(client, 'http://web/')) !== '');
      await works();
      // The command line of the host sees the same records and names.
      expect(await engine.tsnet('port')).toMatch(/^web +\w+ +0\.0\.0\.0:8080 +80\/tcp +10\.88\.0\.2\/24$/m);

      // A disabled plugin takes nothing from containers; enabled again it knows them.
      expect(await engine.dockerFails('plugin', 'disable', 'tsnet')).toContain('in use');
      const since = Date.now();
      await engine.docker('plugin', 'disable', '-f', 'tsnet');
      expect(Date.now() - since).toBeLessThan(5_000);
      await works();
      await engine.docker('plugin', 'enable', 'tsnet');
      await engine.docker('network', 'disconnect', 'n1', 'client');
      await engine.docker('network', 'connect', 'n1', 'client');
      await works();

      // An engine upgrades only from a registry; by hand it is another plugin of the same name.
      await engine.docker('plugin', 'disable', '-f', 'tsnet');
      await engine.docker('plugin', 'rm', '-f', 'tsnet');
      await create(`TSNET_FIREWALL=${firewall}`);
      await works();
      await engine.docker('run', '-d', '--name', 'third', '--network', 'n1', testImage);
      await ping(engine.container('third'), 'web');
      const addresses = ['inspect', '--format', '{{.NetworkSettings.Networks.n1.IPAddress}}'];
      expect(new Set((await engine.docker(...addresses, 'web', 'client', 'third')).split('\n')).size).toBe(3);

      await engine.docker('rm', '-f', 'web', 'client', 'third');
      await engine.docker('network', 'rm', 'n1');
      expect(await engine.leftovers()).toEqual([]);
      await engine.docker('plugin', 'disable', 'tsnet');
      await engine.docker('plugin', 'rm', 'tsnet');
      expect(await engine.docker('plugin', 'ls', '-q')).toBe('');
    },
  );

  it('sees the host: its network, settings, sandboxes, locks and processes', async () => {
    await create();
    const pid = await pluginProcess();
    const enter = ['nsenter', `--target=${pid}`, '--mount', '--net', '--root', '--'] as const;
    const same = async (path: string, other: string) => {
      const [one, two] = (await engine.netns.exec('stat', '-L', '-c', '%d:%i', path, other)).split('\n');
      return one === two;
    };
    expect(await same('/proc/self/ns/net', `/proc/${pid}/ns/net`)).toBe(true);
    await engine.netns.exec(...enter, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
    // What else is read-only for plugins stays so.
    const mounts = await engine.netns.exec('cat', `/proc/${pid}/mountinfo`);
    expect(mounts).toMatch(/ \/proc\/sys rw,/);
    expect(mounts).toMatch(/ \/proc\/fs ro,/);

    await engine.netns.exec('touch', '/run/xtables.lock');
    expect(await same('/run/xtables.lock', `/proc/${pid}/root/run/xtables.lock`)).toBe(true);
    expect(await same('/run/docker.sock', `/proc/${pid}/root/var/run/docker.sock`)).toBe(true);

    // A sandbox that was made after the plugin was started.
    await engine.docker('network', 'create', '-d', driver, '--ipam-driver', driver, 'n1');
    await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', testImage);
    const sandbox = await engine.docker('inspect', '--format', '{{.NetworkSettings.SandboxKey}}', 'web');
    const container = await engine.docker('inspect', '--format', '{{.State.Pid}}', 'web');
    expect(await same(`/proc/${container}/ns/net`, `/proc/${pid}/root${sandbox}`)).toBe(true);

    // The processes of the host, and what they hold open, so that a refused port can be told whose it is.
    const dockerd = await engine.netns.exec('cat', '/run/docker.pid');
    expect(await same(`/proc/${dockerd}/ns/pid`, `/proc/${pid}/root/proc/${dockerd}/ns/pid`)).toBe(true);
    const script = `require("fs").readlinkSync("/proc/${dockerd}/fd/0")`;
    await engine.netns.exec(...enter, 'node', '-e', script);

    await engine.docker('rm', '-f', 'web');
    await engine.docker('network', 'rm', 'n1');
    await engine.docker('plugin', 'rm', '-f', 'tsnet');
    expect(await engine.leftovers()).toEqual([]);
  });

  it('comes back with the engine, before its networks are asked for', async () => {
    await create();
    await engine.docker('network', 'create', '-d', driver, '--ipam-driver', driver, 'n1');
    const flags = ['--restart', 'always', '--network', 'n1', '-p', '8080:80'];
    await engine.docker('run', '-d', '--name', 'web', ...flags, testImage);
    await until('web serves', async () => (await fromLan(8080)) === lan.ipv4);
    await engine.haltEngine();
    const since = Date.now();
    await engine.resumeEngine();
    // A plugin that is not there costs 15 s for each network.
    expect(Date.now() - since).toBeLessThan(10_000);
    await until('web serves again', async () => (await fromLan(8080)) === lan.ipv4);
    await engine.docker('rm', '-f', 'web');
    await engine.docker('network', 'rm', 'n1');
    await engine.docker('plugin', 'rm', '-f', 'tsnet');
    expect(await engine.leftovers()).toEqual([]);
  });
});
