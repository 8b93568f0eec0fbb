import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNetns, type Netns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
let netns: Netns;
let folder: string;

beforeAll(async () => {
  netns = await createNetns('pipe');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-pipe-'));
});
afterAll(async () => {
  await netns[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Runs a command whose output nobody reads: the pipe is closed before it writes. */
function tsnetUnread(words: string): Promise<{ code: number | null; stderr: string }> {
  const env = {
    PATH: process.env['PATH'],
    TSNET_STATE_DIR: join(folder, 'state'),
    TSNET_RUN_DIR: join(folder, 'run'),
  };
  const script = `exec 9> >(exec true); sleep 0.1; exec nsenter --net=${netns.path} ${program} ${words} >&9`;
  const child = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

it.each([
  'ps',
  'port',
  'endpoint ls',
  'network ls',
  'network ls --json',
  'doctor',
  'doctor --json',
  'completion bash',
  'version',
  'state dump',
  'inspect',
  'inspect --watch',
  'inspect port 80 --watch',
  'graph',
  'snapshot',
  'reconcile',
  'gc',
  '--help',
  'network create --help',
])('tsnet %s ends quietly where nobody reads', async (words) => {
  const { code, stderr } = await tsnetUnread(words);
  expect(stderr).not.toMatch(/EPIPE|Unhandled|at .*:\d+:\d+/);
  expect([0, 1, 3]).toContain(code);
});

it('does what it has to, although nobody reads', async () => {
  for (const name of ['one', 'two']) {
    expect((await tsnetUnread(`network create ${name}`)).code).toBe(0);
  }
  expect((await tsnetUnread('network rm one two')).code).toBe(0);
  const { stdout } = await netns.exec('ip', '-o', 'link');
  expect(stdout).not.toContain('tsb-');
});
