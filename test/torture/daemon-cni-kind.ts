import { cniCall, type Pod } from './cni-calls.ts';
import { must, type Kind, type Operation } from './kind.ts';
import { serve } from './serve.ts';
import { tsnetCall, type Call, type TortureHost } from './torture-host.ts';
import { upkeep } from './upkeep.ts';

const pods: readonly Pod[] = ['c1', 'c2', 'c3', 'c4'].map((container, index) => ({
  container,
  network: 'torture',
  hostPort: 9300 + index,
}));

/** The daemon answers these calls at once, and is killed meanwhile, or at the end. */
function underLoad(name: string, calls: readonly Call[], prepare?: Operation['prepare']): Operation {
  return {
    name,
    ...(prepare === undefined ? {} : { prepare }),
    async act(host, variables) {
      const begin = performance.now();
      const daemon = await serve(host, variables);
      // Callers see a broken connection, or do the work themselves when nobody listens: both may fail.
      await Promise.all(calls.map((call) => host.call(call)));
      const milliseconds = performance.now() - begin;
      const { code } = daemon.isUp ? { ...(await daemon.end('KILL')), code: 0 } : await daemon.end('KILL');
      return { code, milliseconds };
    },
  };
}

const add = pods.map((pod) => cniCall('ADD', pod));
const del = pods.map((pod) => cniCall('DEL', pod));

async function attach(host: TortureHost): Promise<void> {
  for (const call of add) await host.succeed(call);
}

/** A daemon is killed while it works; the next one finds what it left. */
async function leaveHalf(host: TortureHost): Promise<void> {
  const daemon = await serve(host);
  const working = add.map((call) => host.call(call));
  await Promise.race(working);
  await daemon.end('KILL');
  await Promise.all(working);
}

/** Kills of the daemon while CNI plugins ask it, and while it puts in order what the last one left. */
export const daemonCniKind: Kind = {
  name: 'daemon-cni',
  operations: [
    underLoad('ADDs', add),
    underLoad('DELs', del, attach),
    underLoad('ADDs and DELs', [...add.slice(2), ...del.slice(0, 2)], async (host) => {
      for (const call of add.slice(0, 2)) await host.succeed(call);
    }),
    underLoad('recovery', [], leaveHalf),
  ],
  continuations: [
    {
      name: 'serve',
      async run(host) {
        await (await serve(host)).end('TERM');
        return [];
      },
    },
    {
      name: 'serve killed',
      async run(host, random) {
        const daemon = await serve(host);
        await Promise.all(
          random
            .shuffle([...add, ...del])
            .slice(0, 3)
            .map((call) => host.call(call)),
        );
        await daemon.end('KILL');
        return [];
      },
    },
    ...upkeep,
  ],
  async prepare(host) {
    for (const { container } of pods) await host.host.exec('ip', 'netns', 'add', container);
    // It makes the folder of Docker's plugin sockets, which stays.
    await (await serve(host)).end('TERM');
  },
  async end(host) {
    const daemon = await serve(host);
    const problems: string[] = daemon.isUp ? [] : ['serve ended'];
    for (const [index, call] of del.entries())
      problems.push(...(await must(host, `DEL c${index + 1}`, call)));
    problems.push(...(await must(host, 'gc', tsnetCall('gc', '--older-than', '0'))));
    const { code, stderr } = await daemon.end('TERM');
    return code === 0 ? problems : [...problems, `serve ended with ${code}: ${stderr.slice(0, 300)}`];
  },
};
