import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootId } from '../../../src/kernel/proc/index.ts';
import { native } from '../../../src/kernel/native.ts';
import { State } from '../../../src/state/index.ts';
import { createSandboxHost, type SandboxHost } from './sandbox-host.ts';

// No daemon runs. Who is killed waits for the lock of the firewall, which the test holds: its records and its journal are
// written, and the kernel is changed in part.

let host: SandboxHost;
let state: State;
beforeEach(async () => {
  host = await createSandboxHost();
  // Makes the folders.
  await host.succeed('network', 'ls');
  await host.succeed('gc');
  const directory = join(host.folder, 'state');
  state = State.open({ directory, runDirectory: join(host.folder, 'run'), bootId: bootId(), readOnly: true });
});
afterEach(async () => {
  state[Symbol.dispose]();
  await host[Symbol.asyncDispose]();
});

const keys = () => Object.keys(state.dump());
const journals = () => keys().filter((key) => key.includes('journal/'));
const ofKinds = (...kinds: string[]) => keys().filter((key) => kinds.includes(key.split('/')[0] ?? ''));
const links = async () => (await host.exec('ip', '-o', 'link')).match(/\b(?:tsv|tsb)-\w+|\btsnet0\b/g) ?? [];

/** Starts a command, and kills it once something is so and it waits for the firewall. */
async function killWhen(isSo: () => boolean, words: readonly string[], input = ''): Promise<void> {
  const lock = openSync(join(host.folder, 'run/firewall.lock'), 'a+', 0o600);
  try {
    await native().flock(lock, 'exclusive', 30_000);
    const child = host.startProgram(words, ['pipe', 'ignore', 'ignore']);
    const ended = once(child, 'exit');
    child.stdin?.end(input);
    for (let tries = 0; !isSo() || !waitsForLock(child.pid); tries += 1) {
      if (child.exitCode !== null || tries > 1_000)
        throw new Error(`${words.join(' ')} was not caught: ${child.exitCode} ${String(isSo())}`);
      await sleep(5);
    }
    child.kill('SIGKILL');
    await ended;
  } finally {
    closeSync(lock);
  }
}

/** Whether a process has the file of the lock open, as it does only while it waits for it or has it. */
function waitsForLock(pid = 0): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((name) => readlinkSync(`${folder}/${name}`).endsWith('/firewall.lock'));
  } catch {
    return false;
  }
}

const killTsnet = (isSo: () => boolean, ...args: string[]) => killWhen(isSo, [host.program, ...args]);

const config = (port?: number) => ({
  cniVersion: '1.1.0',
  name: 'pods',
  type: 'tsnet',
  bridge: 'pods0',
  isGateway: true,
  ipam: { ranges: [[{ subnet: '10.71.0.0/29' }]] },
  capabilities: { portMappings: true },
  ...(port === undefined
    ? {}
    : { runtimeConfig: { portMappings: [{ hostPort: port, containerPort: 80, protocol: 'tcp' }] } }),
});

const cniWords = (verb: string, container: string) => [
  'env',
  `CNI_COMMAND=${verb}`,
  `CNI_CONTAINERID=${container}`,
  `CNI_NETNS=/run/netns/${container}`,
  'CNI_IFNAME=eth0',
  'CNI_PATH=/usr/lib/cni',
  join(dirname(host.program), 'cni/tsnet'),
];

interface CniAnswer {
  readonly code: number;
  readonly stdout: string;
}

/** Calls the executable of the plugin as a runtime does. */
async function cni(verb: string, container: string, port?: number): Promise<CniAnswer> {
  const child = host.startProgram(cniWords(verb, container), ['pipe', 'pipe', 'inherit']);
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stdin?.end(JSON.stringify(config(port)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout };
}

async function addKilled(container: string, port: number): Promise<void> {
  const before = journals().length;
  await killWhen(() => journals().length > before, cniWords('ADD', container), JSON.stringify(config(port)));
}

const pods = async (...names: string[]) => {
  for (const name of names) await host.exec('ip', 'netns', 'add', name);
};
const inside = (container: string, ...words: string[]) =>
  host.exec('nsenter', `--net=/run/netns/${container}`, ...words);
const expectOnline = async (container: string) => {
  expect(await inside(container, 'ip', '-o', 'link')).toContain('eth0');
  await inside(container, 'ping', '-n', '-c', '1', '-W', '2', '10.71.0.1');
};

describe('an ADD that is killed in the middle', () => {
  beforeEach(async () => {
    await pods('c0', 'c1', 'c2', 'c3');
    expect(await cni('ADD', 'c0')).toMatchObject({ code: 0 });
  });

  it('and ended takes nothing from the next one of the same container, whoever flushes the rules (A1)', async () => {
    await addKilled('c1', 8080);
    expect(journals()).toHaveLength(1);
    expect(await cni('DEL', 'c1', 8080)).toEqual({ code: 0, stdout: '' });
    expect(await cni('ADD', 'c1', 8080)).toMatchObject({ code: 0 });
    await host.exec('nft', 'flush', 'ruleset');
    await host.succeed('reconcile');
    await expectOnline('c1');
    await expectOnline('c0');
    expect(journals()).toEqual([]);
    expect(await host.succeed('reconcile', '--dry-run')).toBe('');
  });

  it('and ended takes neither address nor port from whoever has them by then (A1)', async () => {
    await addKilled('c1', 8080);
    expect(await cni('DEL', 'c1', 8080)).toEqual({ code: 0, stdout: '' });
    expect(await cni('ADD', 'c2', 8080)).toMatchObject({ code: 0 });
    const held = ofKinds('address', 'port', 'endpoint', 'lease');
    await host.succeed('reconcile');
    expect(ofKinds('address', 'port', 'endpoint', 'lease')).toEqual(held);
    // The port is refused to another one, and leads where it led.
    expect(JSON.parse((await cni('ADD', 'c3', 8080)).stdout)).toMatchObject({ code: 111 });
    expect(ofKinds('address', 'port', 'endpoint', 'lease')).toEqual(held);
    expect(await host.exec('nft', 'list', 'ruleset')).toMatch(/8080.*10\.71\.0\.4/);
  });

  it('twice, and ended, leaves every address to give (A2)', async () => {
    await addKilled('c1', 8080);
    expect(await cni('DEL', 'c1', 8080)).toMatchObject({ code: 0 });
    await addKilled('c1', 8080);
    await host.succeed('gc');
    expect(journals()).toEqual([]);
    expect(ofKinds('address')).toHaveLength(1);
    await pods('c4', 'c5');
    // Five are to give of the subnet of eight, and one has the first container.
    for (const name of ['c1', 'c2', 'c3', 'c4']) expect(await cni('ADD', name)).toMatchObject({ code: 0 });
    expect(JSON.parse((await cni('ADD', 'c5')).stdout)).toMatchObject({
      msg: expect.stringContaining('addresses are taken'),
    });
  });
});

describe('a network whose maker is killed (A3)', () => {
  it('takes no range, whether it is gc that comes next or another network', async () => {
    for (const name of ['one', 'two', 'three']) {
      await killTsnet(() => ofKinds('network').length > 0, 'network', 'create', name);
      if (name === 'two') expect(await host.succeed('gc')).toContain('it was interrupted');
      if (name === 'two') expect(ofKinds('network', 'pool', 'lease', 'journal')).toEqual([]);
    }
    await host.succeed('network', 'create', 'four');
    // The one that was interrupted last is settled when something is in the way, or by gc.
    await host.succeed('gc');
    expect(ofKinds('network')).toHaveLength(1);
    expect(ofKinds('pool')).toHaveLength(1);
    expect(ofKinds('lease')).toHaveLength(1);
    expect(await host.succeed('network', 'rm', 'four')).toContain('four');
    expect(ofKinds('network', 'pool', 'lease', 'node', 'journal')).toEqual([]);
    expect(await links()).toEqual([]);
  });

  it('as the first run does it, leaves the next run the same range', async () => {
    await killTsnet(() => ofKinds('network').length > 0, 'run', '--rm', '--', 'true');
    // The next ones are killed while they take back what the first one began.
    for (let round = 0; round < 2; round += 1) await killTsnet(() => true, 'run', '--rm', '--', 'true');
    await host.succeed('run', '--rm', '--', 'true');
    expect(ofKinds('network')).toHaveLength(1);
    expect(ofKinds('pool')).toHaveLength(1);
    expect(ofKinds('lease')).toHaveLength(1);
  });
});

describe('a network whose removal is killed (A4)', () => {
  it('is in nobody’s way: the next run makes its bridge again', async () => {
    await host.succeed('run', '--rm', '--', 'true');
    await killTsnet(() => ofKinds('network').length === 0, 'network', 'rm', 'bridge');
    expect(await links()).toEqual(['tsnet0']);
    await host.succeed('run', '-d', '--name', 'web', '--', 'sleep', '60');
    await host.succeed('rm', '-f', 'web');
  });

  it('is swept by gc, which says so', async () => {
    await host.succeed('network', 'create', 'lab');
    await killTsnet(() => ofKinds('network').length === 0, 'network', 'rm', 'lab');
    const [bridge = ''] = await links();
    expect(bridge).toMatch(/^tsb-/);
    expect(await host.succeed('gc', '--dry-run')).toContain(`link ${bridge}`);
    expect(await links()).toEqual([bridge]);
    expect(await host.succeed('gc')).toContain(`link ${bridge}`);
    expect(await links()).toEqual([]);
    expect(await host.exec('nft', 'list', 'ruleset')).not.toContain('tsnet');
    expect(ofKinds('pool', 'lease', 'network')).toEqual([]);
  });
});
