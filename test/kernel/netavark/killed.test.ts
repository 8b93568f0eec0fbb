import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownNetavarkPlugin } from '../../support/libcni-plugins.ts';
import { openContext } from '../../../src/network/index.ts';
import { observeOwned } from '../../../src/observe/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

// The executable as Podman starts it, without a daemon, killed at any moment of a setup or a teardown.
let host: Netns;
let box: Netns;
let folder: string;

beforeEach(async () => {
  host = await createNetns('host');
  box = await createNetns('box');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-netavark-'));
});
afterEach(async () => {
  await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const body = (round: number) => ({
  container_id: 'a'.repeat(64),
  container_name: 'web',
  port_mappings: [{ container_port: 80, host_ip: '', host_port: 8080, protocol: 'tcp', range: 1 }],
  network: {
    name: 'one',
    id: '1'.repeat(64),
    driver: 'tsnet',
    subnets: [{ subnet: '10.91.0.0/24', gateway: '10.91.0.1' }],
  },
  network_options: { interface_name: 'eth0', static_ips: [`10.91.0.${round + 2}`] },
});

/** Runs one call, and kills it after some milliseconds, if any. @returns what it printed, null if it was killed */
async function call(command: string, request: object, killAfterMs?: number): Promise<string | null> {
  const child = spawn('nsenter', [`--net=${host.path}`, ownNetavarkPlugin, command, box.path], {
    env: { ...process.env, TSNET_STATE_DIR: join(folder, 'state'), TSNET_RUN_DIR: join(folder, 'run') },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(request));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await once(child, 'close');
  clearTimeout(timer);
  return child.exitCode === null ? null : said;
}

it('a call that was killed does not keep Podman from trying again, and leaves nothing', async () => {
  let killed = 0;
  let duration = 0;
  for (let round = 0; killed < 5 && round < 12; round += 1) {
    if (round > 0) {
      // The first part of a call is the start of Node, in which nothing can go wrong.
      const after = duration * (0.4 + (round % 6) / 10);
      if ((await call('setup', body(round), after)) === null) killed += 1;
      if ((await call('teardown', body(round), after)) === null) killed += 1;
    }
    const started = performance.now();
    expect(await call('setup', body(round))).toContain('interfaces');
    duration = performance.now() - started;
    await host.exec('ping', '-c1', '-W1', `10.91.0.${round + 2}`);
    expect(await call('teardown', body(round))).toBe('');
  }
  expect(killed).toBeGreaterThan(1);
  using context = await openContext(
    {
      stateDirectory: join(folder, 'state'),
      runDirectory: join(folder, 'run'),
      firewall: 'auto',
      netns: host.path,
    },
    { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  );
  expect(context.state.read((view) => [...view.networks(), ...view.endpoints()])).toEqual([]);

  expect(await observeOwned(context.kernel)).toEqual([]);
  await expect(box.exec('ip', 'link', 'show', 'eth0')).rejects.toThrow();
});
