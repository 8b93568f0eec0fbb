import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  startPluginSocket,
  type AnswerTo,
  type Invocation,
} from '../../../src/frontends/plugin-socket/index.ts';
import type { Context } from '../../../src/network/index.ts';
import { run, start, type Outcome } from './executable.ts';

// The executables and what may be at the other end of the socket; no network is made here.

let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-exchange-'));
  env = {
    TSNET_RUN_DIR: folder,
    TSNET_STATE_DIR: join(folder, 'state'),
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c1',
    CNI_IFNAME: 'eth0',
    // Says that it is Node, and with what.
    TSNET_NODE: join(folder, 'node'),
  };
  writeFileSync(
    env['TSNET_NODE'] ?? '',
    '#!/bin/sh\necho "node ${0##*/} ${NODE_EXTRA_CA_CERTS-unset} $*"; cat; exit 7\n',
  );
  chmodSync(env['TSNET_NODE'] ?? '', 0o755);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('with a daemon', () => {
  it('hands over name, arguments, environment and input, and prints what comes back', async () => {
    const seen: Invocation[] = [];
    await using _socket = await daemon(async (_, invocation) => {
      seen.push(invocation);
      return { exitCode: 3, stdout: 'ö{"a":1}\n', stderr: 'warned\n' };
    });
    const outcome = await run({ program: 'cni/tsnet-ipam', env, stdin: '{"name":"ä"}' });
    expect(outcome).toEqual({ code: 3, signal: null, stdout: 'ö{"a":1}\n', stderr: 'warned\n' });
    expect(seen).toEqual([
      { program: 'tsnet-ipam', args: [], env: expect.objectContaining(env), stdin: '{"name":"ä"}' },
    ]);
    await run({ program: 'netavark/tsnet', args: ['setup', '/run/netns/x'], env, stdin: '{}' });
    expect(seen[1]).toMatchObject({ program: 'tsnet', args: ['setup', '/run/netns/x'] });
  });

  it('takes a megabyte in and gives a megabyte out', async () => {
    await using _socket = await daemon(async (_, { stdin }) => ({ exitCode: 0, stdout: stdin }));
    const stdin = randomBytes(1 << 19).toString('hex');
    expect((await run({ env, stdin })).stdout === stdin).toBe(true);
  });

  it('waits for work that takes longer than silence may', async () => {
    await using _socket = await daemon(async () => {
      await pause(12_000);
      return { exitCode: 0, stdout: 'done\n' };
    });
    expect(await run({ env })).toMatchObject({ code: 0, stdout: 'done\n' });
  });

  it('listens where only root can call, and refuses a second daemon', async () => {
    await using _socket = await daemon(async () => ({ exitCode: 0, stdout: '' }));
    expect(statSync(join(folder, 'tsnet.sock')).mode & 0o777).toBe(0o600);
    await expect(daemon(async () => ({ exitCode: 0, stdout: '' }))).rejects.toMatchObject({
      kind: 'conflict',
    });
  });

  it('replaces the socket of one that died, and answers what is under way when it stops', async () => {
    const dead = await played(() => undefined);
    await dead.abandon();
    const socket = await daemon(async () => {
      await pause(300);
      return { exitCode: 0, stdout: 'late\n' };
    });
    const { outcome } = start({ env });
    await pause(150);
    await socket.close();
    expect(await outcome).toMatchObject({ code: 0, stdout: 'late\n' });
    expect(await run({ env })).toMatchObject({ code: 7, stdout: expect.stringMatching(/^node /) });
  });

  it('does what concerns one interface in the order of the calls, and other things side by side', async () => {
    const order: string[] = [];
    await using _socket = await daemon(
      async (_, { env: { CNI_COMMAND: verb, CNI_CONTAINERID: container } }) => {
        order.push(`${container} ${verb}`);
        await pause(verb === 'ADD' ? 400 : 0);
        order.push(`${container} ${verb} done`);
        return { exitCode: 0, stdout: '' };
      },
    );
    const add = start({ env });
    await pause(100);
    const others = [
      run({ env: { ...env, CNI_COMMAND: 'DEL' } }),
      run({ env: { ...env, CNI_CONTAINERID: 'c2', CNI_COMMAND: 'DEL' } }),
    ];
    await pause(100);
    // Killed while the daemon works for it: the DEL after it must still find everything made.
    add.child.kill('SIGKILL');
    await Promise.all(others);
    expect(order).toEqual(['c1 ADD', 'c2 DEL', 'c2 DEL done', 'c1 ADD done', 'c1 DEL', 'c1 DEL done']);
  });

  it('answers a fault of its own, and goes on', async () => {
    await using _socket = await daemon(async (_, { stdin }) => {
      if (stdin === 'bad') throw new Error('a defect');
      return { exitCode: 0, stdout: '' };
    });
    expect((await run({ env, stdin: 'bad' })).code).toBe(1);
    expect((await run({ env, stdin: 'good' })).code).toBe(0);
  });
});

describe('without a daemon that may answer', () => {
  const becomesNode = (outcome: Outcome) => {
    expect(outcome).toMatchObject({ code: 7, signal: null, stderr: '' });
    expect(outcome.stdout).toMatch(/^node node unset \S*plugin\.cjs \S*cni\/tsnet\n\{"name":"x"\}$/);
  };

  it('becomes Node, with the input in front of it again', async () => {
    becomesNode(await run({ env: { ...env, NODE_EXTRA_CA_CERTS: '/x' }, stdin: '{"name":"x"}' }));
  });

  it('becomes Node where a socket is left over', async () => {
    const dead = await played(() => undefined);
    await dead.abandon();
    becomesNode(await run({ env, stdin: '{"name":"x"}' }));
  });

  it('becomes Node where the daemon keeps other records, or lives in other namespaces', async () => {
    let calls = 0;
    await using _socket = await daemon(async () => {
      calls += 1;
      return { exitCode: 0, stdout: '' };
    });
    becomesNode(await run({ env: { ...env, TSNET_STATE_DIR: '/elsewhere' }, stdin: '{"name":"x"}' }));
    const inside = async (flag: string) => run({ env, stdin: '{"name":"x"}', wrapper: ['unshare', flag] });
    becomesNode(await inside('--net'));
    becomesNode(await inside('--mount'));
    expect(calls).toBe(0);
  });

  it('starts Node with code that was compiled before', () => {
    const dist = join(import.meta.dirname, '../../../dist');
    const read = (name: string) => readFileSync(join(dist, name));
    const cachedData = read('plugin-code.cache');
    const script = new Script(read('plugin-code.cjs').toString('latin1'), { cachedData });
    // The Node that runs this is the one that built it.
    expect(script.cachedDataRejected).toBe(false);
  });

  it('says so where the rest of tsnet is gone', async () => {
    const alone = join(folder, 'tsnet');
    copyFileSync(join(import.meta.dirname, '../../../dist/cni/tsnet'), alone);
    const outcome = await run({ env, wrapper: ['sh', '-c', `exec ${alone}`] });
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 11, msg: expect.stringContaining('not found') });
  });
});

describe('with a daemon that fails', () => {
  const later = { code: 11, msg: expect.stringContaining('try again later') };

  it('gives up one that hangs, in words that a runtime understands', async () => {
    await using _hung = await played(() => undefined);
    const begin = performance.now();
    const [cni, netavark] = await Promise.all([
      run({ env }),
      run({ program: 'netavark/tsnet', args: ['setup', '/x'], env }),
    ]);
    expect(performance.now() - begin).toBeGreaterThan(9_000);
    expect(cni).toMatchObject({ code: 1, signal: null });
    expect(JSON.parse(cni.stdout)).toMatchObject(later);
    expect(JSON.parse(netavark.stdout)).toEqual({ error: later.msg });
  });

  it.each([
    ['says nothing', ''],
    ['breaks off in the header', 'tsnet1 0 1'],
    ['breaks off in the output', '..tsnet1 0 10 0\n{"cniVe'],
    ['says too much', 'tsnet1 0 1 0\n{}{}'],
    ['speaks another language', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['lies about lengths', 'tsnet1 0 999999999 999999999\nx'],
    ['gives an impossible code', 'tsnet1 256 0 0\n'],
    ['gives a negative code', 'tsnet1 -2 0 0\n'],
    ['sends only signs of life', '....'],
    ['sends zeros', '\0'.repeat(5000)],
  ])('never prints a part of an answer: one that %s', async (_, answer) => {
    await using _broken = await played((socket) => socket.end(answer));
    const added = await run({ env });
    expect(JSON.parse(added.stdout)).toMatchObject(later);
    expect(added.code).toBe(1);
    // Done again is done once: Node finishes it.
    expect((await run({ env: { ...env, CNI_COMMAND: 'DEL' } })).code).toBe(7);
  });

  it('survives noise', async () => {
    let bytes = Buffer.alloc(0);
    await using _noise = await played((socket) => socket.end(bytes));
    for (let round = 0; round < 200; round += 1) {
      bytes = Buffer.concat([Buffer.from(round % 2 === 0 ? 'tsnet1 ' : ''), randomBytes(round * 7)]);
      const { code, signal } = await run({ env });
      expect({ code, signal }).toEqual({ code: 1, signal: null });
    }
  });

  it('survives one that hangs up on a long request', async () => {
    await using _rude = await played((socket) => socket.destroy(), 'at once');
    const { code, stdout } = await run({ env, stdin: 'x'.repeat(1 << 20) });
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ ...later, code: 11 });
  });
});

it('refuses what is no request, and lives', async () => {
  await using _socket = await daemon(async () => ({ exitCode: 0, stdout: 'fine\n' }));
  for (const noise of [
    'GET / HTTP/1.1\r\n\r\n',
    'tsnet1 1 1 1 999999999\n',
    'tsnet1 0 0 0 0\nx',
    'x'.repeat(500),
  ]) {
    await new Promise((resolve) => {
      const socket = connect(join(folder, 'tsnet.sock'), () => socket.write(noise));
      socket
        .on('error', () => undefined)
        .on('close', resolve)
        .resume();
    });
  }
  // Gone in the middle of its request.
  await new Promise((resolve) => {
    const socket = connect(join(folder, 'tsnet.sock'), () => socket.end('tsnet1 9 9 9 9\nxxx'));
    socket.on('close', resolve).resume();
  });
  expect((await run({ env })).stdout).toBe('fine\n');
});

/** The daemon's side of the socket, with work of the test's own. */
function daemon(answerTo: AnswerTo) {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const options = { runDirectory: folder, stateDirectory: join(folder, 'state'), answerTo };
  return startPluginSocket({ log } as unknown as Context, options);
}

/** Something else at the other end. */
async function played(
  act: (socket: Socket) => void,
  when: 'at once' | 'asked' = 'asked',
): Promise<AsyncDisposable & { abandon(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (when === 'at once') act(socket);
    else socket.once('data', () => act(socket));
  });
  const path = join(folder, 'tsnet.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return {
    [Symbol.asyncDispose]: close,
    // As if it had been killed: the file stays.
    abandon: async () => {
      linkSync(path, `${path}.kept`);
      await close();
      renameSync(`${path}.kept`, path);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
