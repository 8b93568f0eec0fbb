import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCodes } from '../../../src/frontends/cli/exit-codes.ts';
import { loadInspection } from '../../../src/inspect/inspection-file.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
let netns: Netns;
let folder: string;

beforeAll(async () => {
  netns = await createNetns('snapshot');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-snapshot-'));
  await netns.exec('ip', 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right');
});
afterAll(async () => {
  await netns[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function tsnet(...args: string[]): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], DOCKER_HOST: 'unix:///nonexistent' };
  const words = [`--net=${netns.path}`, program, ...args];
  return new Promise((resolve) => {
    execFile('nsenter', words, { env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

it('writes a file that answers the same questions', async () => {
  const path = join(folder, 'host.json');
  const { code, stderr } = await tsnet('snapshot', '-o', path);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^\d+ network namespaces in /)]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { snapshot } = loadInspection(path);
  expect(snapshot.hostNetns).toBe(`net:${statSync(netns.path).ino}`);
  expect(snapshot.namespaces[0]?.ruleSets).toBeDefined();
  expect(snapshot.namespaces[0]?.flows).toEqual([]);
  const later = await tsnet('inspect', 'veth', 'left', '--snapshot', path);
  expect(later).toMatchObject({ code: 0, stdout: expect.stringContaining('right') as string });
});

it('writes to standard output', async () => {
  const { code, stdout } = await tsnet('snapshot');
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as { schema: string }).schema).toBe('tsnet.snapshot/1');
});

it('names what is wrong with a file', async () => {
  const path = join(folder, 'bad.json');
  writeFileSync(path, readFileSync(import.meta.filename));
  const { code, stderr } = await tsnet('inspect', 'veth', '--snapshot', path);
  expect(code).toBe(exitCodes['invalid-input']);
  expect(stderr).toContain(`read the snapshot ${path}: it is no JSON`);
});
