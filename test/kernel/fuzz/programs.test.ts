import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { generator, strangeCall } from '../../unit/frontends/cni/strange-calls.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';
import { createDaemon } from '../../support/daemon.ts';
import { createNetns } from '../../support/netns.ts';
import { run } from '../plugin-socket/executable.ts';

it(
  'the executables say one thing whatever they are given, with the daemon and without, and the daemon lives',
  async () => {
    await using netns = await createNetns('host');
    await using box = await createNetns('box');
    await using daemon = createDaemon(netns);
    await daemon.start();
    const strange = generator(3);
    const outcomes = await fuzz({
      name: 'cni-programs',
      form: 'text',
      inputs: 60,
      seeds: Array.from({ length: 30 }, () => strangeCall(strange).stdin),
      answer: async (bytes, random) => {
        const { env, name } = strangeCall(strange);
        const isAlone = random.once(12);
        const outcome = await run({
          host: netns.path,
          program: `cni/${name}`,
          // A NUL can't be in an environment.
          env: Object.fromEntries([
            ...Object.entries(env).map(([key, value]) => [key, value.replaceAll('\0', '')]),
            ['CNI_NETNS', box.path],
            ['TSNET_STATE_DIR', join(daemon.folder, 'state')],
            ['TSNET_RUN_DIR', isAlone ? join(daemon.folder, 'nobody') : daemon.runDirectory],
          ]) as Record<string, string>,
          stdin: bytes.toString('utf8'),
        });
        const { code, signal, stdout, stderr } = outcome;
        const told = JSON.stringify(outcome);
        if (signal !== null || (code !== 0 && code !== 1)) throw new Error(told);
        if (/^ {4}at /m.test(stderr)) throw new Error(told);
        const answer = (stdout === '' ? {} : JSON.parse(stdout)) as { readonly code?: number };
        if (answer.code === 999 || (code === 1) !== (answer.code !== undefined)) throw new Error(told);
        return isAlone ? 'alone' : `exit ${code}`;
      },
    });
    expect(outcomes.get('exit 1')).toBeGreaterThan(5);
    expect(await daemon.call('NetworkDriver.GetCapabilities', {})).toMatchObject({ Scope: 'local' });
    expect(daemon.log()).not.toContain('"kind":"bug"');
  },
  fuzzTime,
);

it(
  'the daemon answers whatever comes to the socket of the plugins',
  async () => {
    await using netns = await createNetns('host');
    await using daemon = createDaemon(netns);
    await daemon.start();
    const parts = ['net:[1]\0mnt:[2]\0', 'tsnet\0', 'CNI_COMMAND=ADD\0', '{}'];
    const header = `tsnet1 ${parts.map((part) => part.length).join(' ')}\n`;
    const outcomes = await fuzz({
      name: 'plugin-socket',
      form: 'bytes',
      inputs: 400,
      seeds: [header + parts.join('')],
      answer: async (bytes) => {
        const said = await exchange(join(daemon.runDirectory, 'tsnet.sock'), bytes);
        if (said !== '' && !/^\.*tsnet1 -?\d+ \d+ \d+\n/.test(said)) throw new Error(said);
        return said === '' ? 'closed' : 'answered';
      },
    });
    expect([...outcomes.keys()].sort()).toEqual(['answered', 'closed']);
    expect(await daemon.call('NetworkDriver.GetCapabilities', {})).toMatchObject({ Scope: 'local' });
    expect(daemon.log()).not.toContain('"kind":"bug"');
  },
  fuzzTime,
);

it.each([
  '',
  '0',
  '1000,',
  '1000,x',
  ',1000',
  '-1,1',
  '4294967295,1',
  '1,4294967295',
  '18446744073709551616,1',
  '1,1, 2',
])('tsnet-run becomes no user of %j', async (ids) => {
  const words = ['--user', ids, '--', 'true'];
  const child = spawn(join(import.meta.dirname, '../../../dist/run/tsnet-run'), words, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  // It hears nothing from us: one that says `ready` waits for its end.
  const [said] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer];
  child.kill('SIGKILL');
  expect(said.toString()).toBe(`failed ${constants.errno.EINVAL} read the user\n`);
});

function exchange(path: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(path, () => socket.end(bytes));
    socket.setEncoding('latin1').on('data', (text: string) => (said += text));
    socket.on('error', () => undefined).on('close', () => resolve(said));
  });
}
