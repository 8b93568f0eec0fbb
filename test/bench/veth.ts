import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createManyPairs } from '../support/many-pairs.ts';
import type { Part } from './bench.ts';
import { program } from './daemon.ts';
import { distributionOf, timed, type Distribution } from './figures.ts';
import { Shell } from './shell.ts';

const pairs = 1_000;
const runs = 15;
/** Pairs that the loop looks up in a round: all of them would take a minute. */
const sample = 50;
const rounds = 3;
const aimMs = 300;

const run = promisify(execFile);

/** Who is at the other end of 1,000 veth pairs, as one command answers it. */
export const veth: Part = async ({ scope, progress }) => {
  progress(`making ${pairs} veth pairs`);
  const made = scope.use(await createManyPairs(pairs));
  const { host } = made;
  const inspect = async (...args: string[]): Promise<string> => {
    const words = [`--net=${host.path}`, program, 'inspect', 'veth', ...args];
    return (await run('nsenter', words, { env: environment, maxBuffer: 64 << 20 })).stdout;
  };

  progress('asking for the map of all pairs');
  const table = await inspect();
  const missing = made.pairs.filter(({ link }) => !new RegExp(`\\b${link}\\b`).test(table));
  if (missing.length > 0) throw new Error(`tsnet inspect veth lacks ${missing.length} of ${pairs} pairs`);
  const text: number[] = [];
  const json: number[] = [];
  for (let round = 0; round < runs; round++) {
    text.push(await timed(() => inspect()));
    json.push(await timed(() => inspect('--json')));
  }

  progress(`asking a shell loop for ${sample} of them`);
  const shell = Shell.start(scope, host.path);
  const loops: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const chosen = made.pairs.slice(round * sample, (round + 1) * sample);
    const lines = chosen.map(
      ({ netns }) =>
        `index=$(ip netns exec ${netns.slice('/run/netns/'.length)} cat /sys/class/net/eth0/iflink) && ` +
        `ip -o link | grep "^$index:" >/dev/null`,
    );
    loops.push((await timed(() => shell.run(lines))) * (pairs / sample));
  }
  const peer: Distribution = distributionOf(loops);
  return [
    {
      title: `the map of ${pairs} veth pairs, as whole processes`,
      notes: [
        `peer: for each namespace ip netns exec … cat /sys/class/net/eth0/iflink and ip -o link | grep; ` +
          `measured for ${sample} and multiplied by ${pairs / sample}`,
      ],
      figures: [
        { what: 'tsnet inspect veth', unit: 'ms', ours: distributionOf(text), peer, aim: aimMs },
        { what: 'tsnet inspect veth --json', unit: 'ms', ours: distributionOf(json), peer, aim: aimMs },
      ],
    },
  ];
};

/** Without an engine: its answer would be measured as well. */
const environment = { PATH: process.env['PATH'], DOCKER_HOST: 'unix:///nonexistent' };
