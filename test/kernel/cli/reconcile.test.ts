import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
let netns: Netns;
let folder: string;

beforeAll(async () => {
  netns = await createNetns('reconcile');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-reconcile-'));
});
afterAll(async () => {
  await netns[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Runs the built program in the namespace, without an engine. */
function tsnet(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = {
    PATH: process.env['PATH'],
    DOCKER_HOST: 'unix:///nonexistent',
    TSNET_STATE_DIR: join(folder, 'state'),
    TSNET_RUN_DIR: join(folder, 'run'),
  };
  return new Promise((resolve, reject) => {
    execFile('nsenter', [`--net=${netns.path}`, program, ...args], { env }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(error);
    });
  });
}

it('tsnet reconcile prints what it puts in order, and a dry run prints the same and changes nothing', async () => {
  const untouched = await hostFacts(netns);
  await tsnet('network', 'create', 'lab', '--subnet', '10.66.0.0/24');
  const facts = await hostFacts(netns);
  expect((await tsnet('reconcile')).stdout).toBe('');
  await netns
    .exec('sh', '-c', 'nft flush ruleset; ip address flush dev $(ls /sys/class/net | grep tsb-)')
    .catch(() => undefined);
  const damaged = await hostFacts(netns);
  const { stdout: said } = await tsnet('reconcile', '--dry-run');
  expect(said.split('\n').map((line) => line.replace(/tsb-\w+/, 'BRIDGE'))).toEqual(
    expect.arrayContaining([
      '~ nft table inet tsnet',
      '+ rules dev BRIDGE subnets 10.66.0.0/24 icc masquerade',
    ]),
  );
  expect(await hostFacts(netns)).toEqual(damaged);
  const json = JSON.parse((await tsnet('reconcile', '--dry-run', '--json')).stdout) as { changes: unknown[] };
  expect(json.changes.length).toBeGreaterThan(0);
  expect((await tsnet('reconcile')).stdout).toBe(said);
  expect(await hostFacts(netns)).toEqual(facts);
  await tsnet('network', 'rm', 'lab');
  expect(await hostFacts(netns)).toEqual(untouched);
});

it('tsnet gc says that no engine answers, and ps shows nothing', async () => {
  const { stdout, stderr } = await tsnet('gc');
  expect(stdout).toBe('');
  expect(stderr).toContain('could not read: engine at /nonexistent: there is no such socket');
  expect((await tsnet('ps')).stdout).toBe('CONTAINER  IMAGE  STATE  NETWORK  ADDRESS  PORTS\n');
  await expect(tsnet('gc', '--older-than', 'soon')).rejects.toThrow('--older-than: "soon" is not allowed');
});
