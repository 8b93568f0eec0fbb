import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run, until } from '../../support/engine-run.ts';
import { startSystemdHost, type SystemdHost } from '../../support/systemd-host.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
const socket = '/run/docker/plugins/tsnet.sock';

describe('files below a prefix', () => {
  let prefix: string;
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), 'tsnet-install-'));
  });
  afterEach(() => rmSync(prefix, { recursive: true }));

  const place = {
    socket: 'etc/systemd/system/tsnet.socket',
    service: 'etc/systemd/system/tsnet.service',
    spec: 'etc/docker/plugins/tsnet.spec',
    clientPlugin: 'usr/local/lib/docker/cli-plugins/docker-tsnet',
  };
  const read = (file: keyof typeof place) => readFileSync(join(prefix, place[file]), 'utf8');
  const install = (...flags: string[]) => tsnet('install', 'docker', '--prefix', prefix, ...flags);
  const uninstall = (...flags: string[]) => tsnet('uninstall', 'docker', '--prefix', prefix, ...flags);
  const actions = async (...flags: string[]) => {
    const { stdout } = await tsnet(...flags, '--prefix', prefix, '--json');
    const { steps } = JSON.parse(stdout) as { steps: { action: string; subject: string }[] };
    return Object.fromEntries(
      steps
        .filter(({ subject }) => subject.startsWith(prefix))
        .map(({ subject, action }) => [subject.slice(prefix.length + 1), action]),
    );
  };

  it('are written, kept when repeated, and removed', async () => {
    const first = await install();
    expect(first.stdout).toContain(`wrote ${join(prefix, place.service)}`);
    expect(first.stdout).toContain(`systemctl --root=${prefix} enable tsnet.socket tsnet.service`);
    expect(read('socket')).toContain(`ListenStream=${socket}\nSocketMode=0600\n`);
    expect(read('service')).toMatch(/^ExecStart=\/\S+\/tsnet serve$/m);
    expect(statSync(join(prefix, place.clientPlugin)).mode & 0o777).toBe(0o755);
    expect(existsSync(join(prefix, place.spec))).toBe(false);
    expect(await actions('install', 'docker')).toEqual({
      [place.socket]: 'keep',
      [place.service]: 'keep',
      [place.clientPlugin]: 'keep',
    });
    expect((await uninstall()).code).toBe(0);
    for (const path of Object.values(place)) expect(existsSync(join(prefix, path))).toBe(false);
    expect((await uninstall()).stdout).toBe('nothing to do\n');
  });

  it('satisfy systemd, also with its own enable', async () => {
    await install();
    await run('systemctl', [`--root=${prefix}`, 'enable', 'tsnet.service']);
    for (const link of ['multi-user.target.wants/tsnet.service', 'sockets.target.wants/tsnet.socket']) {
      expect(lstatSync(join(prefix, 'etc/systemd/system', link)).isSymbolicLink()).toBe(true);
    }
    const units = [join(prefix, place.socket), join(prefix, place.service)];
    expect(await run('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', ...units])).toBe('');
  });

  it('point the engine to a socket where it does not look, and follow it', async () => {
    await install('--socket', '/run/a b%/tsnet.sock');
    expect(read('spec')).toBe('unix:///run/a b%/tsnet.sock\n');
    expect(read('socket')).toContain('ListenStream=/run/a b%%/tsnet.sock\n');
    await install('--socket', '/run/other.sock');
    expect(read('spec')).toBe('unix:///run/other.sock\n');
    expect(await actions('install', 'docker')).toMatchObject({
      [place.spec]: 'remove',
      [place.socket]: 'replace',
    });
    await install('--socket', '/run/other.sock');
    expect(await actions('uninstall', 'docker')).toMatchObject({ [place.spec]: 'remove' });
  });

  it('name the link that package managers keep, and the Node that runs tsnet', async () => {
    const bin = join(prefix, 'a place 100%');
    mkdirSync(bin);
    symlinkSync(program, join(bin, 'tsnet'));
    copyFileSync(process.execPath, join(bin, 'node'));
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
    await run('tsnet', ['install', 'docker', '--prefix', prefix], { env });
    const escaped = bin.replace('%', '%%');
    expect(read('service')).toContain(`\nExecStart="${escaped}/tsnet" serve\n`);
    expect(read('service')).toContain(`\nEnvironment="PATH=${escaped}:/usr/local/sbin:`);
    const units = [join(prefix, place.socket), join(prefix, place.service)];
    expect(await run('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', ...units])).toBe('');
  });

  it('of an older version are replaced; changed ones and those of others are refused, and nothing is written', async () => {
    await install();
    const path = join(prefix, place.service);
    const installed = read('service');
    // What another version of tsnet would have written: its text fits its sum.
    const { sign } = await import('../../../src/frontends/install/signature.ts');
    writeFileSync(path, sign('[Service]\nExecStart=/old/tsnet serve\n'));
    expect(await actions('install', 'docker')).toMatchObject({ [place.service]: 'replace' });
    expect(read('service')).toBe(installed);

    writeFileSync(path, installed.replace('RestartSec=1', 'RestartSec=7'));
    rmSync(join(prefix, place.socket));
    const refused = await install();
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(`${path} (somebody changed it since it was installed)`);
    expect(existsSync(join(prefix, place.socket))).toBe(false);
    expect((await uninstall()).stdout).toContain(`left ${path} (somebody changed it since it was installed)`);

    for (const file of ['service', 'spec', 'clientPlugin'] as const) {
      mkdirSync(dirname(join(prefix, place[file])), { recursive: true });
      writeFileSync(join(prefix, place[file]), 'mine\n');
      expect((await install()).stderr).toContain('tsnet did not write it');
      expect((await uninstall()).stdout).toContain('tsnet did not write it');
      expect(read(file)).toBe('mine\n');
      rmSync(join(prefix, place[file]));
    }
  });

  it('are only talked about in a dry run', async () => {
    const { stdout } = await install('--dry-run');
    expect(stdout).toContain(`would write ${join(prefix, place.service)}`);
    expect(existsSync(join(prefix, 'etc'))).toBe(false);
    await install();
    expect((await uninstall('--dry-run')).stdout).toContain(`would remove ${join(prefix, place.service)}`);
    expect(existsSync(join(prefix, place.service))).toBe(true);
  });

  it.each([
    [['install', 'docker', '--prefix', 'here'], '--prefix: "here" is not allowed, expected an absolute path'],
    [['uninstall', 'docker', '--force'], '--force: "alone" is not allowed, expected --purge beside it'],
    [['uninstall', 'docker', '--purge', '--prefix', '/x'], 'expected no --prefix beside it'],
  ])('%j is refused', async (args, message) => {
    const outcome = await tsnet(...args);
    expect(outcome).toMatchObject({ code: 2 });
    expect(outcome.stderr).toContain(message);
  });
});

describe('a host that systemd manages', () => {
  let host: SystemdHost;
  beforeAll(async () => {
    host = await startSystemdHost();
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
  });

  const install = (...flags: string[]) => host.exec(program, 'install', 'docker', ...flags);
  const uninstall = (...flags: string[]) => host.exec(program, 'uninstall', 'docker', ...flags);
  const property = (unit: string, name: string) =>
    host.exec('systemctl', 'show', '--value', '--property', name, unit);
  const ask = (call: string) =>
    host.exec('curl', '-sS', '-m', '20', '-X', 'POST', '--unix-socket', socket, `http://tsnet/${call}`);

  it('starts tsnet and tells when it is ready', async () => {
    expect(await install()).toContain('ran systemctl enable --now tsnet.socket tsnet.service');
    expect(await property('tsnet.service', 'ActiveState')).toBe('active');
    expect(await property('tsnet.service', 'UnitFileState')).toBe('enabled');
    expect(await property('tsnet.socket', 'UnitFileState')).toBe('enabled');
    expect(await host.exec('stat', '-c', '%a %U', socket)).toBe('600 root');
    expect(await ask('Plugin.Activate')).toContain('NetworkDriver');
    expect(await install()).not.toMatch(/wrote|replaced|daemon-reload|stop/);
  });

  it('lets it do within what its unit allows all that a container needs', async () => {
    await host.exec('ip', 'netns', 'add', 'pod');
    const conflist = {
      cniVersion: '1.0.0',
      name: 'pods',
      type: 'tsnet',
      isGateway: true,
      ipMasq: true,
      ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]] },
      runtimeConfig: {
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
        bandwidth: {
          ingressRate: 10_000_000,
          ingressBurst: 1_000_000,
          egressRate: 10_000_000,
          egressBurst: 1_000_000,
        },
      },
    };
    // Without Node on its path the executable can do nothing by itself: the daemon does it.
    const call = (verb: string) =>
      host.exec(
        'env',
        '-i',
        'PATH=/nowhere',
        `CNI_COMMAND=${verb}`,
        'CNI_CONTAINERID=pod',
        'CNI_NETNS=/run/netns/pod',
        'CNI_IFNAME=eth0',
        'CNI_PATH=/nowhere',
        '/bin/sh',
        '-c',
        `printf %s "$0" | ${join(dirname(program), 'cni/tsnet')}`,
        JSON.stringify(conflist),
      );
    expect(JSON.parse(await call('ADD'))).toMatchObject({ ips: [{ address: '10.77.0.2/24' }, {}] });
    expect(await host.exec('ip', '-n', 'pod', '-br', 'address', 'show', 'eth0')).toContain('10.77.0.2/24');
    expect(await host.exec('nft', 'list', 'map', 'inet', 'tsnet', 'publish4_any')).toContain(
      '10.77.0.2 . 80',
    );
    expect(await host.exec('tc', 'qdisc', 'show')).toContain('tbf');
    expect(await host.exec('ip', 'netns', 'exec', 'pod', 'ping', '-c1', '-W2', '10.77.0.1')).toContain(
      '1 received',
    );
    await call('DEL');
    expect(await host.exec('nft', 'list', 'map', 'inet', 'tsnet', 'publish4_any')).not.toContain('10.77.0.2');
    // A CNI network stays until it is collected, as any CNI bridge does.
    const networks = JSON.parse(await host.exec(program, 'network', 'ls', '--json')) as { id: string }[];
    for (const { id } of networks) await host.exec(program, 'network', 'rm', '--force', id);
    await host.exec('ip', 'netns', 'del', 'pod');
  });

  it('starts it again for the next caller, and after it was killed', async () => {
    await host.exec('systemctl', 'stop', 'tsnet.service');
    expect(await property('tsnet.service', 'ActiveState')).toBe('inactive');
    expect(await ask('Plugin.Activate')).toContain('IpamDriver');
    const pid = await property('tsnet.service', 'MainPID');
    await host.exec('systemctl', 'kill', '-s', 'KILL', 'tsnet.service');
    expect(await ask('Plugin.Activate')).toContain('IpamDriver');
    await until('systemd knows the new process', async () => {
      const next = await property('tsnet.service', 'MainPID');
      return next !== '0' && next !== pid;
    });
  });

  it('does not hold up Docker: the socket is there first, and tsnet starts beside it', async () => {
    const folder = '/etc/systemd/system';
    await write(`${folder}/tsnet.service.d/slow.conf`, '[Service]\nExecStartPre=/bin/sleep 3\n');
    await write(
      `${folder}/docker.service`,
      '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/test -S /run/docker/plugins/tsnet.sock\n',
    );
    await host.exec('systemctl', 'stop', 'tsnet.service', 'tsnet.socket');
    await host.exec('systemctl', 'daemon-reload');
    await host.exec('systemctl', 'start', '--no-block', 'tsnet.service');
    await host.exec('systemctl', 'start', 'docker.service');
    expect(await property('tsnet.service', 'ActiveState')).toBe('activating');
    expect(await ask('Plugin.Activate')).toContain('NetworkDriver');
    await host.exec('rm', '-r', `${folder}/tsnet.service.d`);
    await host.exec('systemctl', 'daemon-reload');
  });

  it('restarts with new files, and moves the socket', async () => {
    expect(await install('--socket', '/run/tsnet.sock')).toMatch(
      /^ran systemctl stop tsnet.socket tsnet.service\nreplaced .*\n.*\n.*\n.*\nran systemctl daemon-reload\n/,
    );
    expect(await host.exec('ls', '/run/docker/plugins')).toBe('');
    expect(await host.exec('cat', '/etc/docker/plugins/tsnet.spec')).toBe('unix:///run/tsnet.sock');
    await install();
    expect(await ask('Plugin.Activate')).toContain('NetworkDriver');
    await expect(host.exec('ls', '/etc/docker/plugins/tsnet.spec')).rejects.toThrow('No such file');
  });

  it('is left as it was; networks stay unless they are purged', async () => {
    await host.exec(program, 'network', 'create', 'lab');
    await expect(host.exec('ip', 'link', 'show', 'type', 'bridge')).resolves.toContain('tsb-');
    expect(await uninstall()).toContain('ran systemctl disable --now tsnet.socket tsnet.service');
    expect(await host.exec('find', '/etc/systemd/system', '-name', 'tsnet*')).toBe('');
    expect(await host.exec('systemctl', 'list-units', '--all', '--no-legend', 'tsnet*')).toBe('');
    expect(await host.exec('ls', '/run/docker/plugins')).toBe('');
    await expect(host.exec('ip', 'link', 'show', 'type', 'bridge')).resolves.toContain('tsb-');

    await install();
    expect(await uninstall('--purge')).toContain('with 1 networks and 0 endpoints');
    expect(await host.exec('ip', 'link', 'show', 'type', 'bridge')).toBe('');
    expect(await host.exec('nft', 'list', 'ruleset')).toBe('');
    expect(await host.exec('find', '/var/lib/tsnet', '/run/tsnet', '-maxdepth', '0').catch(() => '')).toBe(
      '',
    );
  });

  it('refuses beside a tsnet that was started by hand', async () => {
    const serve = `${program} serve >/dev/null 2>&1 & echo $! >/run/by-hand; while ! [ -S ${socket} ]; do sleep 0.05; done`;
    await host.exec('sh', '-c', serve);
    await expect(install()).rejects.toThrow('a process that systemd did not start answers');
    await expect(uninstall('--purge')).rejects.toThrow('a process that systemd did not start answers');
    await host.exec('sh', '-c', 'kill $(cat /run/by-hand)');
  });

  it('refuses to take the network from containers', async () => {
    await install();
    const call = (name: string, body: object) =>
      host.exec(
        'curl',
        '-sS',
        '--unix-socket',
        socket,
        '-d',
        JSON.stringify(body),
        `http://tsnet/NetworkDriver.${name}`,
      );
    const ids = { NetworkID: 'a'.repeat(64), EndpointID: 'b'.repeat(64) };
    const data = { AddressSpace: 'x', Pool: '10.9.0.0/24', Gateway: '10.9.0.1/24' };
    await call('CreateNetwork', { ...ids, Options: {}, IPv4Data: [data], IPv6Data: [] });
    await call('CreateEndpoint', { ...ids, Interface: { Address: '10.9.0.2/24' }, Options: {} });
    await expect(uninstall('--purge')).rejects.toThrow('1 endpoints of containers exist');
    expect(await property('tsnet.service', 'ActiveState')).toBe('active');
    const said = await uninstall('--purge', '--force');
    expect(said).toContain('with 1 networks and 1 endpoints');
    expect(said).toContain('Docker still lists 1 of them');
    expect(await host.exec('ip', 'link', 'show', 'type', 'bridge')).toBe('');
  });

  async function write(path: string, text: string): Promise<void> {
    await host.exec('mkdir', '-p', dirname(path));
    await host.exec('sh', '-c', 'printf %s "$1" >"$0"', path, text);
  }
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function tsnet(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}
