import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

interface Row {
  readonly container: string;
  readonly state: string;
  readonly exitCode?: number;
  readonly networks: readonly { name: string; addresses: readonly string[]; ports: readonly string[] }[];
}

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
  await host.succeed('network', 'create', 'lab', '--subnet', '10.88.0.0/24', '--subnet', 'fd88::/64');
  await host.succeed('network', 'create', 'dmz', '--subnet', '10.89.0.0/24');
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  const present = await rows();
  if (present.length > 0) await host.succeed('rm', '-f', ...present.map(({ container }) => container));
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

const rows = async () => JSON.parse(await host.succeed('ps', '-a', '--json')) as Row[];
const rowOf = async (name: string) => (await rows()).find(({ container }) => container === name);
const run = (name: string, ...flags: string[]) =>
  host.succeed('run', '-d', '--name', name, ...flags, '--', 'sleep', '60');

describe('a sandbox that is started again', () => {
  it('has the same id, networks, addresses, ports, names, folder and limits', async () => {
    const flags = [
      '--network',
      'lab:alias=www,rate=20mbit',
      '-p',
      '8080:80',
      '-p',
      '81',
      '--dns',
      '192.0.2.53',
    ];
    const script = 'pwd; hostname; grep -v "^search\\|^options" /etc/resolv.conf; exec sleep 60';
    await run('first', '--network', 'lab');
    const id = await host.exec(
      ...(['sh', '-c', 'cd /usr/lib && "$@"', 'sh'] as const),
      host.program,
      'run',
      '-d',
      '--name',
      'web',
      ...flags,
      '--',
      'sh',
      '-c',
      script,
    );
    await host.succeed('connect', 'dmz', 'web');
    const before = await rowOf('web');
    const files = async () => [
      await host.succeed('exec', 'web', '--', 'cat', '/etc/hosts'),
      await host
        .succeed('exec', 'web', '--', 'ip', '-o', 'link', 'show', 'eth1')
        .then((text) => /link\/\S+ \S+/.exec(text)?.[0]),
    ];
    const seen = await files();
    await host.succeed('stop', 'web');
    expect(await rowOf('web')).toMatchObject({ state: 'exited', exitCode: 143 });
    // Whoever comes meanwhile takes what is free, and not what it had.
    await host.succeed('rm', '-f', 'first');
    expect(await host.succeed('start', 'web')).toBe('web\n');
    expect(await rowOf('web')).toEqual(before);
    expect(before?.networks.map(({ name }) => name)).toEqual(['lab', 'dmz']);
    expect(await files()).toEqual(seen.map((text) => text?.replaceAll(/^.*first.*\n/gm, '')));
    expect(await host.exec('tc', 'qdisc', 'show')).toContain('rate 20Mbit');
    const log = '/usr/lib\nweb\nnameserver 192.0.2.53\n';
    await eventually(async () => expect(await host.succeed('logs', 'web')).toBe(log + log));
    expect(before).toMatchObject({ id: id.trim() });
    await host.succeed('stop', 'web');
    expect(await rowOf('web')).toMatchObject({ state: 'exited', exitCode: 143 });
  });

  it('gives way where somebody has its address by now, unless it is a fixed one', async () => {
    await run('loose', '--network', 'lab', '-p', '80');
    await run('fixed', '--network', 'lab:ip=10.88.0.77');
    const [before] = (await rowOf('loose'))?.networks ?? [];
    const address = before?.addresses[0] ?? '';
    const port = /:(\d+)->/.exec(before?.ports[0] ?? '')?.[1] ?? '';
    await host.succeed('stop', '-t', '1', 'loose', 'fixed');
    await run('thief', '--network', `lab:ip=${address.replace('/24', '')}`, '-p', `${port}:1`);
    await run('other', '--network', 'lab:ip=10.88.0.77');
    await host.succeed('start', 'loose');
    const [found] = (await rowOf('loose'))?.networks ?? [];
    expect(found?.addresses[0]).not.toBe(address);
    expect(found?.ports[0]).toMatch(/->80\/tcp$/);
    const { code, stderr } = await host.tsnet('start', 'fixed');
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining('10.88.0.77') });
    // A start that failed changes nothing.
    expect(await rowOf('fixed')).toMatchObject({ state: 'exited', exitCode: 143 });
    await host.succeed('rm', '-f', 'other');
    await host.succeed('start', 'fixed');
  });

  it('in the foreground has our output and gives its status', async () => {
    const { code } = await host.tsnet(
      'run',
      '--name',
      'job',
      '--network',
      'none',
      '--',
      'sh',
      '-c',
      'echo hi; exit 7',
    );
    expect(code).toBe(7);
    expect(await host.tsnet('start', '-a', 'job')).toEqual({ code: 7, stdout: 'hi\n', stderr: '' });
    expect(await rowOf('job')).toMatchObject({ state: 'exited', exitCode: 7 });
    await host.succeed('start', 'job');
    await eventually(async () => expect(await host.succeed('logs', 'job')).toBe('hi\n'));
    await eventually(async () => expect(await rowOf('job')).toMatchObject({ state: 'exited', exitCode: 7 }));
  });

  it('may run already, and may not be one that nothing is left of, nor share a network that is not there', async () => {
    await run('web', '--network', 'lab');
    expect(await host.succeed('start', 'web')).toBe('web\n');
    expect((await host.tsnet('start', '-a', 'web')).stderr).toContain('it runs already');
    await run('side', '--network', 'container:web');
    await host.succeed('stop', '-t', '1', 'side', 'web');
    const { code, stderr } = await host.tsnet('start', 'side');
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: expect.stringContaining('share the network of sandbox web: it does not run'),
    });
    expect(await host.succeed('start', 'web', 'side')).toBe('web\nside\n');
    expect(await host.succeed('exec', 'side', '--', 'ip', '-br', 'link')).toContain('eth0');
    expect((await host.tsnet('start', 'nobody')).code).toBe(3);
    // The others do not suffer for one.
    expect(await host.tsnet('stop', '-t', '1', 'nobody', 'side')).toMatchObject({
      code: 3,
      stdout: 'side\n',
      stderr: expect.stringContaining('sandbox nobody is not known'),
    });
    await run('brief', '--rm');
    expect((await host.tsnet('restart', 'brief')).stderr).toContain('(--rm)');
  });

  it('whose network is gone says so and stays as it is', async () => {
    await host.succeed('network', 'create', 'short');
    await run('web', '--network', 'short');
    await host.succeed('stop', '-t', '1', 'web');
    await host.succeed('network', 'rm', 'short');
    const { code, stderr } = await host.tsnet('start', 'web');
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(/connect web: network \w+ is gone/),
    });
    expect(await rowOf('web')).toMatchObject({ state: 'exited' });
    expect(await host.exec('ls', '/run/netns')).toBe('');
  });

  it('is restarted in one go, killed or not seen ending', async () => {
    await run('web', '--network', 'lab');
    const before = await rowOf('web');
    await host.succeed('restart', '-t', '1', 'web');
    expect(await rowOf('web')).toEqual(before);
    await host.succeed('stop', '-s', 'KILL', 'web');
    await host.succeed('restart', 'web');
    expect(await rowOf('web')).toEqual(before);
  });

  it('and whose start is killed half-way is what it was before', async () => {
    await run('web', '--network', 'lab', '-p', '8080:80');
    await host.succeed('stop', '-t', '1', 'web');
    for (let delay = 100; delay <= 400; delay += 60) {
      await host.killAfter(delay, 'start', 'web');
      await eventually(async () => {
        await host.succeed('gc', '--older-than', '0');
        if ((await rowOf('web'))?.state === 'running') await host.succeed('stop', '-t', '1', 'web');
        expect(await rowOf('web')).toMatchObject({ state: 'exited', exitCode: 143 });
        expect(await host.exec('ls', '/run/netns')).toBe('');
      });
    }
    await host.succeed('start', 'web');
  });
});

describe('logs', () => {
  it('are followed until the end, and begin where they are told', async () => {
    const script = 'for n in 1 2 3; do echo line $n; done; sleep 1; echo line 4; printf rest';
    await host.succeed('run', '-d', '--name', 'job', '--network', 'none', '--', 'sh', '-c', script);
    expect(await host.succeed('logs', '-f', '--tail', '2', 'job')).toBe('line 2\nline 3\nline 4\nrest');
    expect(await host.succeed('logs', '-n', '2', 'job')).toBe('line 4\nrest');
    expect(await host.succeed('logs', '-n', '0', 'job')).toBe('');
    expect(await host.succeed('logs', '-n', '99', 'job')).toMatch(/^line 1\n/);
    expect((await host.tsnet('logs', '-n', 'few', 'job')).code).toBe(2);
    await host.succeed('rm', 'job');
  });

  it('may be longer than what is read at once, and end early', async () => {
    await host.succeed('run', '-d', '--name', 'job', '--network', 'none', '--', 'seq', '100000');
    await eventually(async () => expect(await rowOf('job')).toMatchObject({ state: 'exited' }));
    const lines = (await host.succeed('logs', '--tail', '50000', 'job')).split('\n');
    expect([lines.length, lines[0]]).toEqual([50_001, '50001']);
    const first = await host.exec('sh', '-c', '"$0" logs job | head -n 1', host.program);
    expect(first).toBe('1');
  });
});
