import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  const rows = JSON.parse(await host.succeed('ps', '-a', '--json')) as { container: string }[];
  if (rows.length > 0) await host.succeed('rm', '-f', ...rows.map(({ container }) => container));
  // Who was told of an end by the parent of its command may still be looking.
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

const inside = (network: string, ...command: string[]) =>
  host.succeed('run', '--rm', '--network', network, '--', ...command);

describe('the five modes', () => {
  it('none has loopback and nothing else', async () => {
    const links = await inside('none', 'ip', '-br', 'link');
    expect(links.trim().split('\n')).toHaveLength(1);
    expect(links).toMatch(/^lo .*LOWER_UP/);
    expect(await inside('none', 'ip', 'route')).toBe('');
    expect(await inside('none', 'ls', '/sys/class/net')).toBe('lo\n');
    expect((await inside('none', 'ls', '/sys/fs/cgroup')).trim()).toBe(
      await host.exec('ls', '/sys/fs/cgroup'),
    );
  });

  it('host is the namespace of the host itself', async () => {
    const own = await host.exec('readlink', '/proc/self/ns/net');
    expect((await inside('host', 'readlink', '/proc/self/ns/net')).trim()).toBe(own);
    expect(await inside('host', 'cat', '/etc/resolv.conf')).toBe(
      `${await host.exec('cat', '/etc/resolv.conf')}\n`,
    );
    const { code, stderr } = await host.tsnet('run', '--network', 'host', '-p', '80:80', '--', 'true');
    expect(code).toBe(125);
    expect(stderr).toContain(
      "-p and --network host exclude each other: the command has the host's own interfaces",
    );
  });

  it('bridge is there without being made, and leads out', async () => {
    const route = await host.succeed('run', '--rm', '--', 'ip', 'route', 'show', 'default');
    expect(route).toMatch(/^default via \S+ dev eth0/);
    expect(await host.succeed('network', 'ls')).toMatch(/ bridge +cli +tsnet0 /);
    await host.succeed('run', '--rm', '--', 'ping', '-n', '-c', '1', '-W', '2', host.address);
  });

  it('container: shares interfaces, ports and files, and says what clashes', async () => {
    await host.succeed(
      'run',
      '-d',
      '--name',
      'web',
      '--add-host',
      'db:192.0.2.7',
      '--',
      'python3',
      '-m',
      'http.server',
      '80',
    );
    await eventually(async () =>
      expect(await host.succeed('exec', 'web', '--', 'curl', '-s', '127.0.0.1')).toContain('<'),
    );
    const both = ['cat', '/proc/sys/kernel/hostname', '/etc/hosts'];
    expect(await inside('container:web', ...both)).toBe(await host.succeed('exec', 'web', ...both));
    expect(
      await inside('container:web', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', 'localhost'),
    ).toBe('200');
    const clash = await host.tsnet('run', '--network', 'container:web', '--expose', '80', '--', 'true');
    expect(clash.code).toBe(125);
    expect(clash.stderr).toMatch(
      /it shares its ports with web, and process python3 \(pid \d+\) has port 80\/tcp/,
    );
    for (const flag of [
      ['-p', '80'],
      ['--ip', '10.1.1.1'],
      ['--hostname', 'x'],
      ['--network-alias', 'x'],
    ]) {
      const { code } = await host.tsnet('run', '--network', 'container:web', ...flag, '--', 'true');
      expect(code).toBe(125);
    }
    expect((await host.tsnet('run', '--network', 'container:nobody', '--', 'true')).stderr).toContain(
      'not known',
    );
  });

  it('a network has the range, gateway and options that it was made with', async () => {
    const flags = ['--subnet', '10.88.0.0/16', '--gateway', '10.88.0.9', '--ip-range', '10.88.7.0/24'];
    await host.succeed('network', 'create', 'lab', ...flags, '--driver-opt', 'mtu=1400');
    const shown = await inside(
      'lab',
      'sh',
      '-c',
      'ip -o -4 address show eth0; ip route; cat /sys/class/net/eth0/mtu',
    );
    expect(shown).toContain('inet 10.88.7.0/16');
    expect(shown).toContain('default via 10.88.0.9 dev eth0');
    expect(shown).toContain('\n1400\n');
    const wish = 'lab:ip=10.88.3.3,mac=02:00:00:00:00:33';
    expect(await inside(wish, 'ip', 'address', 'show', 'eth0')).toMatch(
      /02:00:00:00:00:33[^]*10\.88\.3\.3\/16/,
    );
    await host.succeed('network', 'rm', 'lab');
  });

  it.each([
    [
      ['--network', 'none', '--network', 'bridge'],
      '--network: "none" is not allowed, expected only this one',
    ],
    [['--network', 'nowhere'], 'network nowhere is not known'],
    [['--network', 'bridge', '--network', 'default'], 'it is named twice'],
    [['--network', 'none', '-p', '80'], '-p and --network none exclude each other'],
    [['--name', '../x'], '--name: "../x" is not allowed'],
    [['--network', 'bridge:ip=1.2.3'], '--network ip: "1.2.3" is not allowed'],
    [['--ip', '203.0.113.9'], '203.0.113.9'],
    [['--colour'], 'unknown option'],
  ])('are refused with %j and nothing is left', async (flags, message) => {
    const { code, stderr } = await host.tsnet('run', ...flags, '--', 'true');
    expect(stderr).toContain(message);
    expect(code).toBe(125);
  });

  it('keep their names for themselves', async () => {
    for (const name of ['bridge', 'host', 'none'])
      expect((await host.tsnet('network', 'create', name)).code).toBe(2);
    await host.succeed('run', '-d', '--name', 'user', '--', 'sleep', '60');
    expect((await host.tsnet('network', 'rm', 'bridge')).stderr).toContain('it has 1 endpoint');
  });
});
