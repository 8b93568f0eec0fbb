import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { leftOfAttachments } from '../support/engine-leftovers.ts';
import { dist } from '../support/libcni-plugins.ts';
import { importImage, podmanImage, startPodman, type PodmanHost } from '../support/podman-host.ts';
import { httpGet, httpWhoami, ping, udpAsk } from '../support/traffic.ts';

// Podman 4.3 of Debian 12 with CNI networks of ours. It can't create them itself (`network create -d tsnet` is refused), so
// their files are written by hand, as `tsnet install cni` does. Podman speaks CNI 1.0.0 at most.
const conflist = (name: string, subnets: readonly string[]) =>
  JSON.stringify({
    cniVersion: '1.0.0',
    name,
    plugins: [
      {
        type: 'tsnet',
        bridge: `br-${name}`,
        isGateway: true,
        isDefaultGateway: true,
        ipMasq: true,
        capabilities: { portMappings: true, ips: true, mac: true, aliases: true },
        ipam: { type: 'tsnet-ipam', ranges: subnets.map((subnet) => [{ subnet }]) },
      },
    ],
  });

const installed = '/run/plugins';

describe.each(['with the daemon', 'without the daemon'])('Podman 4.3 %s', (mode) => {
  let host: PodmanHost;

  beforeAll(async () => {
    host = await startPodman({
      runtime: 'runc',
      network: [
        'network_backend="cni"',
        `cni_plugin_dirs=["${installed}", "${dist}/cni"]`,
        'network_config_dir="/etc/cni/net.d"',
        'default_network="one"',
      ],
    });
    await host.write('/etc/cni/net.d/10-one.conflist', conflist('one', ['10.44.0.0/24', 'fd00:44::/64']));
    await host.write('/etc/cni/net.d/20-two.conflist', conflist('two', ['10.45.0.0/24']));
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
    expect(leftOfAttachments(await host.leftovers())).toEqual([]);
  });

  const podman = (...args: string[]) => host.podman(...args);
  const start = (name: string, ...args: string[]) =>
    podman('run', '--detach', '--name', name, ...args, podmanImage);
  const addressOf = (container: string, network: string) =>
    podman('inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);

  it('knows the networks by their files', async () => {
    expect(await podman('network', 'ls', '--format', '{{.Name}} {{.Driver}}')).toBe('one tsnet\ntwo tsnet');
  });

  it('gives a container its address, MAC and ports, and takes all of it back', async () => {
    await start(
      'web',
      '--network=one:ip=10.44.0.50,mac=02:00:00:00:00:50,alias=w,interface_name=net7',
      '--publish=8080:80',
      '--publish=5353:5353/udp',
      '--publish=192.0.2.1:9000-9002:80-82',
    );
    await start('client', '--network', 'one');
    expect(await addressOf('web', 'one')).toBe('10.44.0.50');
    expect(await host.container('web')('ip', 'link', 'show', 'net7')).toContain('02:00:00:00:00:50');
    await ping(host.container('client'), '10.44.0.50');
    const name = await host.container('web')('hostname');
    expect(await httpGet(host.exec, 'http://127.0.0.1:8080/')).toBe(name);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
    expect(await httpGet(host.lan, 'http://[2001:db8:1::1]:8080/')).toBe(name);
    expect(await httpGet(host.lan, 'http://192.0.2.1:9000/')).toBe(name);
    expect(await httpWhoami(host.lan, '192.0.2.1:8080')).toBe('192.0.2.2');
    expect(await udpAsk(host.lan, '192.0.2.1', 5353, 'hello')).toBe('hello');
    await ping(host.container('web'), '192.0.2.2');
    await podman('rm', '--force', '--time', '0', 'web', 'client');
    await expect(httpGet(host.lan, 'http://192.0.2.1:8080/')).rejects.toThrow();
  });

  it('connects and disconnects, and keeps addresses over restart and reload', async () => {
    await start('web', '--network', 'one:ip=10.44.0.51', '-p', '8080:80');
    await start('client', '--network', 'two');
    const name = await host.container('web')('hostname');
    await podman('network', 'connect', '--ip', '10.45.0.9', 'two', 'web');
    await ping(host.container('client'), '10.45.0.9');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
    await podman('network', 'disconnect', 'two', 'web');
    await expect(ping(host.container('client'), '10.45.0.9')).rejects.toThrow();
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
    await podman('restart', '--time', '0', 'web');
    expect(await addressOf('web', 'one')).toBe('10.44.0.51');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
    await podman('network', 'reload', 'web');
    expect(await addressOf('web', 'one')).toBe('10.44.0.51');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
  });

  it('keeps the ports of a container that leaves the network which published them', async () => {
    await start('web', '--network', 'one', '-p', '8080:80', '-p', '5353:5353/udp');
    await podman('network', 'connect', 'two', 'web');
    const name = await host.container('web')('hostname');
    const expectOpen = async () => {
      expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(name);
      expect(await httpGet(host.exec, 'http://127.0.0.1:8080/')).toBe(name);
      expect(await udpAsk(host.lan, '192.0.2.1', 5353, 'hello')).toBe('hello');
    };
    await podman('network', 'reload', 'web');
    await expectOpen();
    await podman('network', 'disconnect', 'one', 'web');
    await expectOpen();
    await podman('network', 'connect', 'one', 'web');
    await expectOpen();
    await podman('network', 'disconnect', 'two', 'web');
    await expectOpen();
    await podman('rm', '--force', '--time', '0', 'web');
    await expect(httpGet(host.lan, 'http://192.0.2.1:8080/')).rejects.toThrow();
  });

  it('gives back what a container had that was killed', async () => {
    await start('web', '--network', 'one', '-p', '8080:80');
    const pid = await podman('inspect', '--format', '{{.State.Pid}}', 'web');
    await host.exec('kill', '-KILL', pid);
    await podman('wait', 'web');
    await podman('rm', '--force', '--time', '0', 'web');
    await start('next', '--network', 'one', '-p', '8080:80');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(await host.container('next')('hostname'));
  });

  it('takes what `tsnet install cni` places, until it is uninstalled', async () => {
    // Beside networks of others a conflist of ours is written only if it is asked for.
    await host.tsnet('install', 'cni', '--default', '--plugin-dir', installed);
    await start('web', '--network', 'tsnet', '-p', '8080:80');
    expect(await addressOf('web', 'tsnet')).toBe('10.87.0.2');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe(await host.container('web')('hostname'));
    await podman('rm', '--force', '--time', '0', 'web');
    await host.tsnet('uninstall', 'cni', '--plugin-dir', installed);
    expect(await podman('network', 'ls', '--format', '{{.Name}}')).toBe('one\ntwo');
    expect(await host.exec('ls', installed)).toBe('');
  });

  it('says why a container does not start, and leaves nothing of it', async () => {
    await start('web', '--network', 'one:ip=10.44.0.50');
    const refused = await host.podmanFails('run', '--network', 'one:ip=10.44.0.50', podmanImage);
    expect(refused).toMatch(/10\.44\.0\.50 .*another attachment has it/);
    const outside = await host.podmanFails('run', '--network', 'two:ip=10.46.0.50', podmanImage);
    expect(outside).toMatch(/10\.46\.0\.50/);
  });
});
