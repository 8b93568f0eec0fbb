import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compileProgram } from '../../support/compile.ts';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { callCni, succeed } from './plugin.ts';

let host: Host;
let boxes: Netns[];

beforeEach(async () => {
  host = await createHost();
  boxes = await Promise.all(Array.from({ length: 5 }, () => createNetns('pod')));
});
afterEach(async () => {
  for (const box of boxes) await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const config = (index: number) => ({
  cniVersion: '1.1.0',
  name: 'crash',
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd00:77::/64' }]] },
  runtimeConfig: { portMappings: [{ hostPort: 9000 + index, containerPort: 80, protocol: 'tcp' }] },
});

const call = (verb: string, index: number) => ({
  verb,
  config: config(index),
  container: `c${index}`,
  netns: boxes[index % boxes.length]?.path ?? '',
  ifName: `eth${index}`,
});

/** What is held, in records and kernel. */
async function left(): Promise<string[]> {
  const records = Object.keys(host.context.state.dump()).filter((key) =>
    /^(?:endpoint|address|port|lease-of|(?:boot-)?journal)\//.test(key),
  );
  const links = (await host.netns.exec('ip', '-o', 'link')).stdout.match(/tsv-\w+/g) ?? [];
  const inside = await Promise.all(boxes.map((box) => box.exec('ip', '-o', 'link')));
  const ports = (await host.netns.exec('nft', 'list', 'ruleset')).stdout.match(/\b90\d\d\b/g) ?? [];
  return [...records, ...links, ...ports, ...inside.flatMap(({ stdout }) => stdout.match(/\beth\d+/g) ?? [])];
}

it('a hundred at once have a hundred addresses and ports, and all of it ends', async () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  const results = await Promise.all(numbers.map((index) => succeed(host.context, call('ADD', index))));
  expect(new Set(results.flatMap(({ ips }) => ips.map(({ address }) => address))).size).toBe(200);
  await boxes[0]?.exec('ping', '-n', '-c', '1', '-W', '2', '10.77.0.1');
  await Promise.all(numbers.map((index) => succeed(host.context, call('DEL', index))));
  expect(await left()).toEqual([]);
});

/** A call in a process of its own that is killed some time after it has begun. @returns whether it was */
async function kill(program: string, verb: string, index: number, afterMs: number): Promise<boolean> {
  const { container, netns, ifName } = call(verb, index);
  const child = spawn(process.execPath, [program, dirname(host.socket), host.netns.path], {
    env: {
      PATH: process.env['PATH'],
      CNI_COMMAND: verb,
      CNI_CONTAINERID: container,
      CNI_NETNS: netns,
      CNI_IFNAME: ifName,
    },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.end(JSON.stringify(config(index)));
  await once(child.stderr, 'data');
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  return code === null;
}

it('what a killed ADD began is finished or taken back by the next ADD of the same interface', async () => {
  const program = await compileProgram(`${import.meta.dirname}/program.ts`);
  const outcomes = new Set<string>();
  for (let round = 0; round < 20; round += 1) {
    const isKilled = await kill(program, 'ADD', 0, 5 + ((round * 7) % 35));
    const isHalf = host.context.state.unfinished().length > 0;
    const { exitCode, stdout } = await callCni(host.context, call('ADD', 0));
    outcomes.add(`${isKilled ? 'killed' : 'ended'}${isHalf ? ', half' : ''}: ${exitCode}`);
    // The runtime has not asked for a DEL; where all was done by then it is told so.
    if (exitCode !== 0) expect(JSON.parse(stdout)).toMatchObject({ code: 111 });
    await boxes[0]?.exec('ping', '-n', '-c', '1', '-W', '2', '10.77.0.1');
    expect(await callCni(host.context, call('DEL', 0))).toEqual({ exitCode: 0, stdout: '' });
  }
  expect([...outcomes]).toContain('killed, half: 0');
  expect((await left()).filter((one) => !one.includes('journal/'))).toEqual([]);
});

it('processes that are killed in the middle of ADD and DEL leave nothing that a DEL does not end', async () => {
  const program = await compileProgram(`${import.meta.dirname}/program.ts`);
  const outcomes = new Set<string>();
  for (let round = 0; round < 24; round += 1) {
    const verb = round % 3 === 2 ? 'DEL' : 'ADD';
    if (verb === 'DEL') await succeed(host.context, call('ADD', round));
    const isKilled = await kill(program, verb, round, (round * 7) % 40);
    outcomes.add(`${verb} ${isKilled ? 'killed' : 'ended'}`);
    // Another container is attached whatever happened to this one.
    await succeed(host.context, call('ADD', round + 100));
    await boxes[(round + 100) % 5]?.exec('ping', '-n', '-c', '1', '-W', '2', '10.77.0.1');
    for (const index of [round, round, round + 100]) {
      expect(await callCni(host.context, call('DEL', index))).toEqual({ exitCode: 0, stdout: '' });
    }
  }
  expect([...outcomes]).toContain('ADD killed');
  expect((await left()).filter((one) => !one.includes('journal/'))).toEqual([]);
});
