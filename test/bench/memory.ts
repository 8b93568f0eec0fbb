import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Part } from './bench.ts';
import { crowd, crowdedHost } from './crowded-host.ts';
import { Daemon, program } from './daemon.ts';
import { distributionOf, single, timed, type Distribution } from './figures.ts';

const starts = 5;
const commandRuns = 20;
const aimMegabytes = 120;

/** What the daemon takes of the machine's memory, and how long it and the command line take to start. */
export const memory: Part = async (bench) => {
  const { scope, progress } = bench;
  const idle = await Daemon.start(scope);
  const memoryOfIdle = idle.memory();
  const { daemon } = await crowdedHost(bench);
  const { now, peak } = daemon.memory();

  progress(`starting the daemon with 0 and with ${crowd} endpoints`);
  const startOfIdle = await restart(idle);
  const startOfCrowded = await restart(daemon);
  const afterStart = daemon.memory();

  progress('starting the command line');
  const node = await runs(process.execPath, ['-e', '0']);
  const version = await runs(program, ['version']);
  const list = await runs(program, ['network', 'ls', '--state-dir', daemon.stateDirectory]);
  return [
    {
      title: 'memory of the daemon (resident)',
      notes: [],
      figures: [
        { what: 'after its start, with 0 endpoints', unit: 'MB', ours: single(memoryOfIdle.now) },
        { what: `with ${crowd} endpoints, after the work`, unit: 'MB', ours: single(now), aim: aimMegabytes },
        { what: '  at the most so far', unit: 'MB', ours: single(peak), aim: aimMegabytes },
        { what: `after its start, with ${crowd} endpoints`, unit: 'MB', ours: single(afterStart.now) },
      ],
    },
    {
      title: 'start, as whole processes',
      notes: ['daemon: until /healthz answers; peer of the command line: node -e 0'],
      figures: [
        { what: 'daemon with 0 endpoints', unit: 'ms', ours: startOfIdle },
        { what: `daemon with ${crowd} endpoints`, unit: 'ms', ours: startOfCrowded },
        { what: 'tsnet version', unit: 'ms', ours: version, peer: node },
        { what: 'tsnet network ls', unit: 'ms', ours: list, peer: node },
      ],
    },
  ];
};

async function restart(daemon: Daemon): Promise<Distribution> {
  const times: number[] = [];
  for (let run = 0; run < starts; run++) {
    await daemon.stop();
    times.push(await daemon.start());
  }
  return distributionOf(times);
}

async function runs(command: string, args: readonly string[]): Promise<Distribution> {
  const times: number[] = [];
  for (let run = 0; run < commandRuns; run++) {
    times.push(
      await timed(async () => {
        const child = spawn(command, args, { stdio: 'ignore' });
        const [status] = (await once(child, 'exit')) as [number | null];
        if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
      }),
    );
  }
  return distributionOf(times);
}
