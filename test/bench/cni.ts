import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createNetns } from '../support/netns.ts';
import type { Bench, Part } from './bench.ts';
import { CniChain, referenceChain, type CniPlugin } from './cni-chain.ts';
import { crowd, crowdedHost } from './crowded-host.ts';
import { Daemon } from './daemon.ts';
import { distributionOf, restMs, single, timed, type Distribution, type Figure } from './figures.ts';
import { Shell } from './shell.ts';

const rounds = 30;
/** How many containers are attached one after the other. */
const row = [0, 1, 2];
/** A daemon has attached so many containers in its first minutes; until then its code is not compiled. */
const warmUps = 200;
const dist = join(import.meta.dirname, '../../dist');
const aims = { add: 0.1, del: 0.2, addAlone: 1, crowded: 1.2, versionMs: 2, megabytes: 120 };

/** Milliseconds of each run. */
type Samples = Readonly<Record<'add' | 'rested' | 'del', number[]>>;

/** What attaching a container costs a runtime that speaks CNI, beside the reference plugins that do the same. */
export const cni: Part = async (bench) => {
  bench.progress('CNI: with the daemon, without it, and the reference plugins');
  const daemon = await Daemon.start(bench.scope);
  const places = { TSNET_STATE_DIR: daemon.stateDirectory, TSNET_RUN_DIR: daemon.runDirectory };
  const withDaemon = await createChain(bench, daemon.netns.path, ours, places);
  const folder = await mkdtemp(join(dist, '../.cache/bench-'));
  bench.scope.onEnd(() => rm(folder, { recursive: true, force: true }));
  const runDirectory = await mkdtemp('/dev/shm/tsnet-bench-');
  bench.scope.onEnd(() => rm(runDirectory, { recursive: true, force: true }));
  const emptyHost = bench.scope.use(await createNetns('bench'));
  const alone = await createChain(bench, emptyHost.path, ours, {
    TSNET_STATE_DIR: join(folder, 'state'),
    TSNET_RUN_DIR: runDirectory,
  });
  const otherHost = bench.scope.use(await createNetns('bench'));
  const reference = await createChain(bench, otherHost.path, referenceChain(folder), {});
  await warmUp(withDaemon);
  const [quiet, single_, peer] = await measure([withDaemon, alone, reference]);

  bench.progress(`CNI: with ${crowd} endpoints present`);
  const crowded = await crowdedHost(bench);
  const full = await createChain(bench, crowded.daemon.netns.path, ours, {
    TSNET_STATE_DIR: crowded.daemon.stateDirectory,
    TSNET_RUN_DIR: crowded.daemon.runDirectory,
  });
  await warmUp(full);
  // Beside the empty host again: a machine has faster and slower minutes.
  const [many, few] = await measure([full, withDaemon]);

  const versions = await measureVersions(bench, emptyHost.path);
  const figures: Figure[] = [
    ...compared('with the daemon', quiet, peer, aims.add, aims.del),
    ...compared('without the daemon', single_, peer, aims.addAlone),
    { what: `ADD with ${crowd} endpoints present`, unit: 'ms', ours: of(many.add), peer: of(few.add) },
    { what: '  against none', unit: '×', ours: quotient(many.add, few.add), aim: aims.crowded },
    { what: `DEL with ${crowd} endpoints present`, unit: 'ms', ours: of(many.del), peer: of(few.del) },
    { what: 'VERSION', unit: 'ms', ...versions, aim: aims.versionMs },
    {
      what: 'memory of the daemon after it',
      unit: 'MB',
      ours: single(daemon.memory().now),
      aim: aims.megabytes,
    },
  ];
  return [
    {
      title: 'a container attached and detached through CNI, as whole processes',
      notes: [
        'bridge, address, default route, one published port',
        'peer: bridge with host-local, portmap, firewall; with endpoints present: our own without them',
        `each daemon has attached ${warmUps} containers before; now ${row.length} one after the other`,
        `after a rest: the first of them, after ${restMs} ms in which nobody does anything`,
        'a shell starts the plugins, their input comes from its memory; its own 0.5 to 1 ms count on both sides',
      ],
      figures,
    },
  ];
};

const ours: readonly CniPlugin[] = [
  {
    folder: join(dist, 'cni'),
    config: {
      type: 'tsnet',
      bridge: 'cni0',
      isDefaultGateway: true,
      ipMasq: true,
      ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.44.0.0/16' }]] },
    },
  },
];

async function createChain(
  { scope }: Bench,
  host: string,
  plugins: readonly CniPlugin[],
  environment: Readonly<Record<string, string>>,
): Promise<CniChain> {
  const netns: string[] = [];
  for (const _ of row) netns.push(scope.use(await createNetns('bench')).path);
  const chain = await CniChain.start(scope, host, { plugins, environment, netns });
  // The first container makes the network, which stays.
  await chain.add(0);
  await chain.del(0);
  return chain;
}

async function warmUp(chain: CniChain): Promise<void> {
  for (let round = 0; round < warmUps; round++) {
    await chain.add(0);
    await chain.del(0);
  }
}

/** Runs all of them in turn, so that none has the machine's better minutes. */
async function measure<const T extends readonly CniChain[]>(
  chains: T,
): Promise<{ readonly [K in keyof T]: Samples }> {
  const samples = chains.map((): Samples => ({ add: [], rested: [], del: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, chain] of chains.entries()) {
      const { add = [], rested = [], del = [] } = samples[index] ?? {};
      await setTimeout(restMs);
      for (const container of row) (container === 0 ? rested : add).push(await chain.add(container));
      for (const container of row) del.push(await chain.del(container));
    }
  }
  return samples as unknown as { readonly [K in keyof T]: Samples };
}

async function measureVersions({ scope }: Bench, host: string) {
  const shell = Shell.start(scope, host);
  const [ourTimes, peerTimes]: [number[], number[]] = [[], []];
  const ask = (program: string) => shell.run([`CNI_COMMAND=VERSION ${program} </dev/null >/dev/null`]);
  for (let round = 0; round < rounds; round++) {
    ourTimes.push(await timed(() => ask(join(dist, 'cni/tsnet'))));
    peerTimes.push(await timed(() => ask('/usr/lib/cni/bridge')));
  }
  return { ours: of(ourTimes), peer: of(peerTimes) };
}

function compared(how: string, one: Samples, peer: Samples, addAim: number, delAim?: number): Figure[] {
  return [
    { what: `ADD ${how}`, unit: 'ms', ours: of(one.add), peer: of(peer.add) },
    { what: '  against the peer', unit: '×', ours: quotient(one.add, peer.add), aim: addAim },
    { what: '  after a rest', unit: 'ms', ours: of(one.rested), peer: of(peer.rested) },
    { what: '    against the peer', unit: '×', ours: quotient(one.rested, peer.rested), aim: addAim },
    { what: `DEL ${how}`, unit: 'ms', ours: of(one.del), peer: of(peer.del) },
    {
      what: '  against the peer',
      unit: '×',
      ours: quotient(one.del, peer.del),
      ...(delAim === undefined ? {} : { aim: delAim }),
    },
  ];
}

function of(values: readonly number[]): Distribution {
  return distributionOf(values);
}

function quotient(one: readonly number[], other: readonly number[]): Distribution {
  return single(of(one).p50 / of(other).p50);
}
