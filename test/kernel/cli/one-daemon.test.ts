import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAnswered } from '../../../src/frontends/socket/index.ts';
import { Nft } from '../../../src/kernel/nft/index.ts';
import { createDaemon, type Daemon } from '../../support/daemon.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');

it('a stopped daemon whose queue is full keeps its socket and its records', async () => {
  await using host = await createNetns('daemon-stopped');
  await using daemon = createDaemon(host);
  await daemon.start();
  const pid = daemon.pid;
  process.kill(pid, 'SIGSTOP');
  const callers: Socket[] = [];
  try {
    // The queue of the socket: connections that nobody accepts, until the kernel takes no more.
    while (await connects(daemon.socket, callers));
    expect(await isAnswered(daemon.socket)).toBe(true);
    const before = statSync(daemon.socket).ino;
    const second = await serve(host, daemon);
    expect(second.code).toBe(4);
    expect(second.stderr).toContain(`process ${pid} is already the daemon`);
    expect(statSync(daemon.socket).ino).toBe(before);
  } finally {
    for (const caller of callers) caller.destroy();
    process.kill(pid, 'SIGCONT');
  }
  // Until it has taken the callers that gave up from its queue, nobody else gets in.
  const answer = () => daemon.call('Plugin.Activate', {});
  await expect.poll(answer, { timeout: 20_000 }).toMatchObject({ Implements: expect.any(Array) });
}, 60_000);

it('records of one network namespace change no other while their daemon lives', async () => {
  await using host = await createNetns('daemon-own');
  await using other = await createNetns('daemon-other');
  await using daemon = createDaemon(host);
  await daemon.start();
  const flags = ['--state-dir', join(daemon.folder, 'state'), '--run-dir', daemon.runDirectory];
  const made = await command(host, 'network', 'create', 'lab', '--subnet=10.66.0.0/24', ...flags);
  expect(made.code).toBe(0);
  const before = await other.exec('ip', '-j', 'link');
  const own = `net:[${statSync(host.path).ino}]`;
  for (const words of [['serve', '--socket', `${daemon.folder}/second.sock`], ['reconcile'], ['gc']]) {
    const refused = await command(other, ...words, ...flags);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(words[0] === 'serve' ? 'is already the daemon' : own);
  }
  expect((await other.exec('ip', '-j', 'link')).stdout).toBe(before.stdout);
  const settings = await other.exec('cat', '/proc/sys/net/ipv4/ip_forward');
  expect(settings.stdout).toBe('0\n');
  // Without a daemon the records may be taken along.
  await daemon.stop('SIGTERM');
  expect((await command(other, 'reconcile', ...flags)).code).toBe(0);
}, 60_000);

it.each(['', '{', 'null', '[1]', '{"pid":1}'])(
  'a lock that says %j holds nothing',
  async (content) => {
    await using host = await createNetns('daemon-lock');
    await using daemon = createDaemon(host);
    const state = join(daemon.folder, 'state');
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, 'daemon.lock'), content);
    const flags = ['--state-dir', state, '--run-dir', daemon.runDirectory];
    expect(await command(host, 'reconcile', ...flags)).toMatchObject({ code: 0, stderr: '' });
  },
  60_000,
);

it('a daemon that was killed holds nothing', async () => {
  await using host = await createNetns('daemon-killed');
  await using daemon = createDaemon(host);
  await daemon.start();
  await daemon.stop('SIGKILL');
  await daemon.start();
  expect(await daemon.call('Plugin.Activate', {})).toMatchObject({ Implements: expect.any(Array) });
}, 60_000);

it('a daemon that was killed takes its guard along and leaves the rules', async () => {
  await using host = await createNetns('daemon-guard');
  await using daemon = createDaemon(host);
  await daemon.start();
  const flags = ['--state-dir', join(daemon.folder, 'state'), '--run-dir', daemon.runDirectory];
  const made = await command(host, 'network', 'create', 'lab', '--subnet=10.66.0.0/24', ...flags);
  expect(made.code).toBe(0);
  const rules = async () => (await host.exec('nft', '-s', 'list', 'ruleset')).stdout;
  await expect.poll(rules, { timeout: 10_000 }).toContain('table inet tsnet-guard');
  const own = (await host.exec('nft', '-s', 'list', 'table', 'inet', 'tsnet')).stdout;
  await daemon.stop('SIGKILL');
  await expect.poll(rules).not.toContain('tsnet-guard');
  expect((await host.exec('nft', '-s', 'list', 'table', 'inet', 'tsnet')).stdout).toBe(own);
}, 60_000);

it('the doctor says when the guard of a daemon is missing', async () => {
  await using host = await createNetns('daemon-unguarded');
  await using daemon = createDaemon(host);
  await daemon.start();
  const flags = ['--state-dir', join(daemon.folder, 'state'), '--run-dir', daemon.runDirectory];
  const other = Nft.open(host.path);
  try {
    const taken = { family: 'inet', name: 'tsnet-guard' } as const;
    other.addOwnedTable(taken, { comment: 'in the way', sets: [], chains: [], elements: [] });
    await command(host, 'network', 'create', 'lab', '--subnet=10.66.0.0/24', ...flags);
    expect((await command(host, 'doctor', ...flags)).stdout).toContain('nothing guards against flushes');
  } finally {
    other[Symbol.dispose]();
  }
  const guardless = async () => (await command(host, 'doctor', ...flags)).stdout;
  await expect.poll(guardless, { timeout: 15_000 }).not.toContain('nothing guards against flushes');
}, 60_000);

/** @returns whether the kernel took the connection */
function connects(path: string, callers: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const caller = connect(path);
    callers.push(caller);
    caller.once('connect', () => resolve(true));
    caller.once('error', () => resolve(false));
  });
}

function serve(host: Netns, daemon: Daemon): Promise<Ended> {
  const flags = ['--state-dir', join(daemon.folder, 'state'), '--run-dir', daemon.runDirectory];
  return command(host, 'serve', '--socket', daemon.socket, ...flags);
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(netns: Netns, ...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      'nsenter',
      [`--net=${netns.path}`, program, ...words],
      { timeout: 20_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}
