import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../../../src/frontends/cli/exit-codes.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const program = join(import.meta.dirname, '../../../dist/tsnet');
let netns: Netns;
let folder: string;
let untouched: string[];

beforeAll(async () => {
  netns = await createNetns('cli');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-cli-'));
  untouched = await hostFacts(netns);
});
afterAll(async () => {
  await netns[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Runs the built program in the namespace, without an engine. */
function tsnet(...args: string[]): Promise<Outcome> {
  return tsnetWith({}, ...args);
}

function tsnetWith(more: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  const env = {
    PATH: process.env['PATH'],
    DOCKER_HOST: 'unix:///nonexistent',
    TSNET_STATE_DIR: join(folder, 'state'),
    TSNET_RUN_DIR: join(folder, 'run'),
    ...more,
  };
  return new Promise((resolve) => {
    execFile('nsenter', [`--net=${netns.path}`, program, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tsnet(...args);
  if (code !== 0) throw new Error(`tsnet ${args.join(' ')}: ${code} ${stderr}`);
  return stdout;
}

describe('networks without an engine', () => {
  afterEach(async () => {
    for (const { name } of JSON.parse(await succeed('network', 'ls', '--json')) as { name: string }[]) {
      await succeed('network', 'rm', name);
    }
    expect(await hostFacts(netns)).toEqual(untouched);
    expect(
      Object.keys(JSON.parse(await succeed('state', 'dump')) as object).filter(
        (key) => !key.startsWith('meta/'),
      ),
    ).toEqual([]);
  });

  it('are removed as far as they can be, and what is wrong is told of each', async () => {
    for (const name of ['one', 'two']) await succeed('network', 'create', name);
    const { code, stdout, stderr } = await tsnet('network', 'rm', 'one', 'nosuch', 'two', 'other');
    expect({ code, stdout }).toEqual({ code: exitCodes['not-found'], stdout: 'one\ntwo\n' });
    expect(stderr).toContain('network nosuch is not known');
    expect(stderr).toContain('network other is not known');
    expect(JSON.parse(await succeed('network', 'ls', '--json'))).toEqual([]);
  });

  it('take options in front of the name, and say which subnet an address is taken for', async () => {
    const { code, stderr } = await tsnet(
      'network',
      'create',
      '--subnet',
      '10.66.1.5/24',
      '-o',
      'mtu=1400',
      '--gateway',
      '10.66.1.1',
      'lab',
    );
    expect(code).toBe(0);
    expect(stderr).toContain('--subnet 10.66.1.5/24 is taken for 10.66.1.0/24');
  });

  it('miss an engine that is not asked, and say why', async () => {
    for (const words of ['ps', 'port', 'endpoint ls', 'network ls', 'gc', 'inspect', 'doctor']) {
      const { stderr } = await tsnetWith({ DOCKER_HOST: 'ssh://root@far' }, ...words.split(' '));
      expect([words, stderr]).toEqual([words, expect.stringContaining('the engine was not asked')]);
      expect(stderr).toContain('DOCKER_HOST is "ssh://root@far"');
    }
  });

  it('are made, listed, shown and removed', async () => {
    const id = (
      await succeed(
        'network',
        'create',
        'lab',
        '--subnet',
        '10.66.0.9/24',
        '--subnet',
        'fd00:66::/64',
        '-o',
        'mtu=1400',
      )
    ).trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const lines = (await succeed('network', 'ls')).split('\n');
    expect(lines[0]).toMatch(/^NETWORK ID +NAME +ORIGIN +BRIDGE +SUBNETS/);
    expect(lines[1]).toContain('10.66.0.0/24,fd00:66::/64');
    const shown = JSON.parse(await succeed('network', 'inspect', 'lab')) as Record<string, unknown>;
    expect(shown).toMatchObject({ id, name: 'lab', mtu: 1400, origin: 'cli', endpoints: [] });
    const bridge = String(shown['bridge']);
    const { stdout } = await netns.exec('ip', '-o', 'addr', 'show', 'dev', bridge);
    expect(stdout).toContain('10.66.0.1/24');
    expect(stdout).toContain('fd00:66::1/64');
    expect(await succeed('network', 'rm', id.slice(0, 12))).toBe(`${id.slice(0, 12)}\n`);
    await expect(netns.exec('ip', 'link', 'show', bridge)).rejects.toThrow();
  });

  it('get a free range and a gateway when none is named', async () => {
    await succeed('network', 'create', 'one');
    await succeed('network', 'create', 'two', '--internal');
    const networks = JSON.parse(await succeed('network', 'ls', '--json')) as {
      subnets: { subnet: string }[];
    }[];
    expect(new Set(networks.map(({ subnets }) => subnets[0]?.subnet)).size).toBe(2);
  });

  it('may be made at the same time by several processes, each once', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, index) => tsnet('network', 'create', `n${index % 3}`)),
    );
    expect(outcomes.map(({ code }) => code).sort((one, other) => one - other)).toEqual([0, 0, 0, 4, 4, 4]);
  });

  it.each([
    [
      ['--subnet', '10.0.0.0/33'],
      2,
      '--subnet: "10.0.0.0/33" is not allowed, expected a prefix length from 0 to 32',
    ],
    [['--subnet', '300.1.1.1/8'], 2, '--subnet: "300.1.1.1/8" is not allowed'],
    [
      ['--gateway', '10.1.1.1'],
      2,
      '--gateway: "10.1.1.1" is not allowed, expected an address in one of the subnets',
    ],
    [['--subnet', '10.66.0.0/24', '--gateway', '10.66.0.255'], 2, '10.66.0.255'],
    [['--opt', 'mtu'], 2, '--opt: "mtu" is not allowed, expected key=value'],
    [['--opt', 'mtu=1200', '--subnet', 'fd00:66::/64'], 2, 'IPv6 needs 1280'],
    [['--subnet', '10.66.0.7/32'], 2, 'room for a container'],
    [['--subnet', 'fd00:66::7/128'], 2, 'room for a container'],
    [['--opt', 'mtu=big'], 2, 'option mtu: "big" is not allowed'],
    [['--opt', 'bridge=lo'], 4, 'interface lo is in the way, and it is no bridge'],
    [['--colour'], 2, 'unknown option'],
  ])('are refused with %j and nothing is left', async (flags, code, message) => {
    const outcome = await tsnet('network', 'create', 'bad', ...flags);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });

  it('cannot overlap, and an error for machines says the same', async () => {
    await succeed('network', 'create', 'lab', '--subnet', '10.66.0.0/24');
    const { code, stdout } = await tsnet('--json', 'network', 'create', 'other', '--subnet', '10.66.0.0/16');
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ error: { kind: 'conflict' } });
    expect((await tsnet('network', 'create', 'lab')).stderr).toMatch(
      /network [0-9a-f]{12}, made by cli, has that name/,
    );
  });
});

describe('the command line', () => {
  it('says what it is, for people and for machines', async () => {
    expect(await succeed('version')).toMatch(/tsnet +0\.1\.0/);
    expect(JSON.parse(await succeed('version', '--json'))).toMatchObject({ tsnet: '0.1.0' });
    expect(await succeed('--help')).toContain('Commands:');
  });

  it.each([
    [['network', 'inspect', 'nobody'], exitCodes['not-found'], 'hint: tsnet network ls'],
    [['network', 'rm', 'nobody'], exitCodes['not-found'], 'network nobody is not known'],
    [['port', 'nobody'], exitCodes['not-found'], 'no engine answers, so only endpoint ids are known'],
    [
      ['serve', '--socket', 'relative.sock'],
      2,
      '--socket: "relative.sock" is not allowed, expected an absolute path',
    ],
    [
      ['serve', '--log-level', 'loud'],
      2,
      '--log-level: "loud" is not allowed, expected debug, info, warn, error',
    ],
    [['--firewall', 'pf', 'network', 'ls'], 2, 'nftables, iptables, auto'],
    [['dance'], 2, 'unknown command'],
  ])('%j ends with its own code and a hint', async (args, code, message) => {
    const outcome = await tsnet(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });
});
