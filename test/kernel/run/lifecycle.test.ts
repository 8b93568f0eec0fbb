import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

interface Row {
  readonly container: string;
  readonly state: string;
  readonly exitCode?: number;
}

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  const present = await rows();
  if (present.length > 0) await host.succeed('rm', '-f', ...present.map(({ container }) => container));
  // Who was told of an end by the parent of its command may still be looking.
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

async function rows(...flags: string[]): Promise<Row[]> {
  return JSON.parse(await host.succeed('ps', '-a', '--json', ...flags)) as Row[];
}

describe('a command in the foreground', () => {
  it.each([
    [['sh', '-c', 'exit 7'], 7],
    [['sh', '-c', 'kill -9 $$'], 137],
    [['nosuch'], 127],
    [['/etc'], 126],
  ])('%j ends with its own status, %d', async (command, code) => {
    expect((await host.tsnet('run', '--rm', '--', ...command)).code).toBe(code);
  });

  it('keeps its options to itself, and has our input and working directory', async () => {
    expect(await host.succeed('run', '--rm', 'echo', '--rm', '-d', '--json')).toBe('--rm -d --json\n');
    const cd = ['sh', '-c', 'cd /usr/lib && "$@"', 'sh'] as const;
    expect(await host.exec(...cd, ...program(), 'run', '--rm', 'pwd')).toBe('/usr/lib');
    const child = host.start(['run', '--rm', '-i', 'cat'], ['pipe', 'pipe', 'inherit']);
    child.stdin?.end('hello');
    const [text] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    expect(String(text)).toBe('hello');
    await once(child, 'exit');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('gets %s, and --rm leaves nothing', async (signal) => {
    const child = host.start([
      'run',
      '--rm',
      '--',
      'sh',
      '-c',
      'trap "exit 9" TERM INT; echo up; while :; do sleep 0.1; done',
    ]);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([9, null]);
  });

  it('may be interrupted at any time while it is made', async () => {
    for (const delay of [60, 120, 180, 240, 300]) {
      const child = host.start(['run', '--rm', '--', 'sleep', '60'], 'ignore');
      await sleep(delay);
      child.kill('SIGTERM');
      await once(child, 'exit');
      expect(await host.leftovers()).toEqual([]);
    }
  });

  it('stays in the list when it has ended, until it is removed', async () => {
    await host.tsnet('run', '--name', 'job', '--', 'sh', '-c', 'exit 3');
    expect(await rows()).toMatchObject([{ container: 'job', state: 'exited', exitCode: 3 }]);
    expect(JSON.parse(await host.succeed('ps', '--json'))).toEqual([]);
    expect(await host.exec('ls', '/run/netns')).toBe('');
    expect((await host.tsnet('run', '--name', 'job', '--', 'true')).stderr).toContain('tsnet rm job');
    await host.succeed('rm', 'job');
  });

  it('takes with it what it leaves running', async () => {
    const mark = `31${process.pid}`;
    await host.succeed('run', '--rm', '--', 'sh', '-c', `setsid sleep ${mark} & sleep 0.2`);
    expect(await host.exec('sh', '-c', `pgrep -f "[s]leep ${mark}" || true`)).toBe('');
  });
});

describe('a detached command', () => {
  it('goes on, can be entered, logs, and is stopped', async () => {
    const id = (
      await host.succeed(
        'run',
        '-d',
        '--name',
        'job',
        '--',
        'sh',
        '-c',
        'echo out; echo err >&2; exec sleep 60',
      )
    ).trim();
    expect(await rows()).toMatchObject([{ container: 'job', id, state: 'running' }]);
    expect(await host.exec('ip', 'netns', 'list')).toMatch(/^job( |$)/);
    expect(await host.exec('ip', 'netns', 'exec', 'job', 'ip', '-br', 'link')).toContain('eth0');
    expect(await host.succeed('exec', 'job', '--', 'hostname')).toBe('job\n');
    expect((await host.tsnet('exec', 'job', 'sh', '-c', 'exit 5')).code).toBe(5);
    expect((await host.tsnet('exec', 'job', 'nosuch')).code).toBe(127);
    expect(await host.succeed('logs', 'job')).toBe('out\nerr\n');
    expect((await host.tsnet('rm', 'job')).stderr).toContain('it runs');
    await host.succeed('stop', '-t', '5', 'job');
    expect(await rows()).toMatchObject([{ state: 'exited', exitCode: 143 }]);
    expect((await host.tsnet('exec', 'job', 'true')).stderr).toContain('it does not run');
    expect(await host.succeed('logs', 'job')).toBe('out\nerr\n');
  });

  it('is killed if it does not obey', async () => {
    await host.succeed(
      'run',
      '-d',
      '--name',
      'job',
      '--',
      'sh',
      '-c',
      'trap "" TERM; while :; do sleep 0.1; done',
    );
    await host.succeed('stop', '-t', '0', 'job');
    expect(await rows()).toMatchObject([{ exitCode: 137 }]);
  });

  it('ends by itself, and with --rm leaves nothing', async () => {
    await host.succeed('run', '-d', '--rm', '--', 'sleep', '0.2');
    await host.succeed('run', '-d', '--name', 'kept', '--', 'sh', '-c', 'exit 4');
    await eventually(async () => expect(await rows()).toMatchObject([{ container: 'kept', exitCode: 4 }]));
    expect(await host.exec('ls', '/run/netns')).toBe('');
  });

  it('holds nothing of its caller open', async () => {
    expect(
      await host.exec(
        'sh',
        '-c',
        'x=$("$@"); echo ${#x}',
        'sh',
        ...program(),
        'run',
        '-d',
        '--',
        'sleep',
        '60',
      ),
    ).toBe('64');
  });

  it('ends what was executed in it when it ends', async () => {
    await host.succeed('run', '-d', '--name', 'job', '--', 'sleep', '60');
    const inside = host.start(['exec', 'job', '--', 'sh', '-c', 'echo up; sleep 60']);
    await once(inside.stdout as NodeJS.ReadableStream, 'data');
    const ended = once(inside, 'exit');
    await host.succeed('rm', '-f', 'job');
    expect(await ended).toEqual([137, null]);
  });
});

describe('when something goes wrong', () => {
  it('a start that fails half-way leaves nothing', async () => {
    await host.succeed('network', 'create', 'one');
    await host.succeed('network', 'create', 'two', '--subnet', '10.99.0.0/24');
    await host.succeed(
      'run',
      '-d',
      '--name',
      'first',
      '--network',
      'two:ip=10.99.0.7',
      '-p',
      '8080:80',
      '--',
      'sleep',
      '60',
    );
    const before = await host.exec('ls', '/run/netns');
    const attempts: [string[], string][] = [
      [['--network', 'one', '--network', 'two:ip=10.99.0.7'], '10.99.0.7'],
      [['--network', 'one', '-p', '8080:80'], 'held by container first'],
      [['--name', 'first'], 'the name is taken'],
      [['--link', 'nobody:db'], 'sandbox nobody is not known'],
    ];
    for (const [flags, message] of attempts) {
      const { code, stderr } = await host.tsnet('run', ...flags, '--', 'true');
      expect(stderr).toContain(message);
      expect(code).toBe(125);
    }
    expect(await host.exec('ls', '/run/netns')).toBe(before);
    await host.succeed('rm', '-f', 'first');
    await host.succeed('network', 'rm', 'one', 'two');
  });

  it('a namespace of others keeps its name', async () => {
    await host.exec('ip', 'netns', 'add', 'blue');
    const { code, stderr } = await host.tsnet('run', '--name', 'blue', '--', 'true');
    expect(code).toBe(125);
    expect(stderr).toContain('a network namespace of that name exists already');
    await host.exec('ip', 'netns', 'del', 'blue');
  });

  it('of two with one name one wins', async () => {
    const both = await Promise.all(
      [1, 2].map(() => host.tsnet('run', '-d', '--name', 'twin', '--', 'sleep', '60')),
    );
    expect(both.map(({ code }) => code).sort((one, other) => one - other)).toEqual([0, 125]);
  });

  it('a killed tsnet run takes its command with it', async () => {
    const child = host.start(['run', '--name', 'job', '--', 'sh', '-c', 'echo up; exec sleep 60']);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    process.kill(await nodeOf(child.pid ?? 0), 'SIGKILL');
    await eventually(async () => expect(await rows()).toMatchObject([{ state: 'exited', exitCode: 137 }]));
    expect(await host.exec('ls', '/run/netns')).toBe('');
  });

  it('killed while it makes a sandbox, it leaves nothing that gc does not find', async () => {
    for (let delay = 100; delay <= 500; delay += 40) {
      await host.killAfter(delay, 'run', '-d', '--rm', '-p', '8080:80', '--', 'sleep', '60');
      await eventually(async () => {
        await host.succeed('gc', '--older-than', '0');
        const running = (await rows()).filter(({ state }) => state === 'running');
        if (running.length > 0) await host.succeed('rm', '-f', ...running.map(({ container }) => container));
        expect(await host.leftovers()).toEqual([]);
      });
    }
  });

  it('what nobody saw ending is found by gc', async () => {
    await host.succeed('run', '-d', '--name', 'kept', '--', 'sleep', '60');
    await host.succeed('run', '-d', '--rm', '--name', 'gone', '--', 'sleep', '60');
    for (const name of ['kept', 'gone']) await killParent(name);
    await eventually(async () =>
      expect((await rows()).map(({ state }) => state)).toEqual(['exited', 'exited']),
    );
    expect(await host.exec('ls', '/run/netns')).toBe('gone\nkept');
    const text = await host.succeed('gc');
    expect(text).toContain('sandbox gone: its command has ended, and nobody was there to see it');
    expect(await rows()).toMatchObject([{ container: 'kept', state: 'exited' }]);
    expect(await host.exec('ls', '/run/netns')).toBe('');
    expect(existsSync(join(host.folder, 'run/sandboxes'))).toBe(true);
  });
});

const program = () => [
  join(process.env['TSNET_TEST_DIST'] ?? join(import.meta.dirname, '../../../dist'), 'tsnet'),
];

/** nsenter and the launcher replace themselves, so the child is Node itself. */
async function nodeOf(pid: number): Promise<number> {
  expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toMatch(/node|MainThread/);
  return Promise.resolve(pid);
}

async function killParent(name: string): Promise<void> {
  const dump = JSON.parse(await host.succeed('state', 'dump')) as Record<
    string,
    { value: { process: { pid: number } } }
  >;
  const pid = dump[`sandbox/${name}`]?.value.process.pid ?? 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  expect(readFileSync(`/proc/${parent}/comm`, 'utf8')).toBe('tsnet-run\n');
  process.kill(parent, 'SIGKILL');
}
