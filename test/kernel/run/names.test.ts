import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
  await host.succeed('network', 'create', 'lab', '--subnet', '10.88.0.0/24', '--subnet', 'fd88::/64');
  await host.succeed('network', 'create', 'dmz', '--subnet', '10.99.0.0/24');
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  const rows = JSON.parse(await host.succeed('ps', '-a', '--json')) as { container: string }[];
  if (rows.length > 0) await host.succeed('rm', '-f', ...rows.map(({ container }) => container));
  // Who was told of an end by the parent of its command may still be looking.
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

const begin = (name: string, ...flags: string[]) =>
  host.succeed('run', '-d', '--name', name, ...flags, '--', 'sleep', '120');
const inside = (name: string, ...command: string[]) => host.succeed('exec', name, '--', ...command);
/** The IPv4 address that the hosts file there gives to a name; empty without one. */
async function lookUp(from: string, name: string): Promise<string> {
  const { stdout } = await host.tsnet('exec', from, '--', 'getent', '-s', 'files', 'ahostsv4', name);
  return stdout.split(/\s/)[0] ?? '';
}
const inode = (name: string) => inside(name, 'stat', '-c', '%i', '/etc/hosts');

describe('names', () => {
  it('of sandboxes are known in their networks, with aliases, as they come and go', async () => {
    await begin('one', '--network', 'lab');
    const before = await inode('one');
    expect(await lookUp('one', 'two')).toBe('');
    await begin('two', '--network', 'lab', '--network-alias', 'db', '--alias', 'cache');
    for (const name of ['two', 'db', 'cache', 'two.lab', 'db.lab'])
      expect(await lookUp('one', name)).toBe('10.88.0.3');
    expect(await lookUp('two', 'one')).toBe('10.88.0.2');
    expect(await inside('one', 'getent', 'ahostsv6', 'two')).toContain('fd88::3');
    await inside('one', 'ping', '-n', '-c', '1', '-W', '2', 'db');
    await host.succeed('stop', '-t', '0', 'two');
    expect(await lookUp('one', 'two')).toBe('');
    expect(await inode('one')).toBe(before);
  });

  it('follow connect and disconnect, and so does the way out', async () => {
    await begin('one', '--network', 'lab');
    await begin('two', '--network', 'dmz');
    expect(await lookUp('one', 'two')).toBe('');
    await host.succeed('connect', 'dmz', 'one', '--alias', 'uno', '--ip', '10.99.0.50');
    expect(await lookUp('one', 'two')).toBe('10.99.0.2');
    expect(await lookUp('two', 'uno')).toBe('10.99.0.50');
    expect(await inside('one', 'ip', '-br', 'address', 'show', 'eth1')).toContain('10.99.0.50/24');
    expect((await host.tsnet('connect', 'dmz', 'one')).stderr).toContain('it is in network dmz already');
    expect(await inside('one', 'ip', 'route', 'get', '203.0.113.1')).toContain('via 10.88.0.1 dev eth0');
    await host.succeed('disconnect', 'lab', 'one');
    expect(await inside('one', 'ip', 'route', 'get', '203.0.113.1')).toContain('via 10.99.0.1 dev eth1');
    expect((await host.tsnet('disconnect', 'lab', 'one')).stderr).toContain('it is not in network lab');
    await host.succeed('disconnect', 'dmz', 'one');
    expect(await lookUp('two', 'uno')).toBe('');
    await host.succeed('connect', 'lab', 'one');
    expect(await inside('one', 'ip', '-br', 'address', 'show', 'eth0')).toContain('10.88.0.');
  });

  it('may be added, for one sandbox or of the host', async () => {
    await begin('db');
    await begin(
      'one',
      '--link',
      'db:store',
      '--add-host',
      'printer:192.0.2.77',
      '--add-host',
      'up:host-gateway',
    );
    expect(await lookUp('one', 'store')).toBe(await lookUp('one', 'db'));
    expect(await lookUp('one', 'printer')).toBe('192.0.2.77');
    const gateway = /via (\S+)/.exec(await inside('one', 'ip', 'route', 'show', 'default'))?.[1];
    expect(await lookUp('one', 'up')).toBe(gateway);
    expect(await lookUp('db', 'store')).toBe('');
  });

  it('of the sandbox itself are what it was told', async () => {
    expect(
      await host.succeed(
        'run',
        '--rm',
        '--hostname',
        'a.example',
        '--',
        'sh',
        '-c',
        'hostname; cat /etc/hostname',
      ),
    ).toBe('a.example\na.example\n');
    await begin('one', '--hostname', 'a.example');
    expect(await lookUp('one', 'a')).toBe(await lookUp('one', 'one'));
    expect(await host.exec('hostname')).not.toBe('a.example');
  });

  it('are looked up where the user says', async () => {
    const flags = ['--dns', '192.0.2.53', '--dns-search', 'lab.example', '--dns-option', 'ndots:2'];
    expect(await host.succeed('run', '--rm', ...flags, '--', 'cat', '/etc/resolv.conf')).toBe(
      'nameserver 192.0.2.53\nsearch lab.example\noptions ndots:2\n',
    );
  });

  it('are all known when many come at once', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => begin(name, '--network', 'lab')));
    const ips = await Promise.all(names.map((name) => lookUp('n0', name)));
    expect(new Set(ips).size).toBe(6);
    for (const name of names) {
      const hosts = await inside(name, 'cat', '/etc/hosts');
      for (const other of names) expect(hosts).toContain(`\t${other} `);
    }
  });

  it('come right after a crash with the next who does anything', async () => {
    await begin('one', '--network', 'lab');
    const own = await lookUp('one', 'one');
    await host.exec('sh', '-c', `echo "10.88.0.99 stale" > "$(ls -d ${host.folder}/run/sandboxes/*)/hosts"`);
    expect(await lookUp('one', 'stale')).toBe('10.88.0.99');
    const other = host.start(['run', '--rm', '--network', 'none', '--', 'true'], 'ignore');
    await once(other, 'exit');
    expect(await lookUp('one', 'stale')).toBe('');
    expect(await lookUp('one', 'one')).toBe(own);
  });
});
