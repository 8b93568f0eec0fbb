import {
  attachContainer,
  callDriver,
  createNetwork,
  detachContainer,
  removeNetwork,
  type DockerCall,
} from './docker-calls.ts';
import { killEnvironment } from './kill-point.ts';
import { must, type Kind, type Operation } from './kind.ts';
import { serve } from './serve.ts';
import { tsnetCall, type TortureHost } from './torture-host.ts';
import { upkeep } from './upkeep.ts';

const containers = [0, 1, 2];

/** Rows of calls at once, each in its order up to the first that fails, as an engine does. */
async function play(host: TortureHost, rows: readonly (readonly DockerCall[])[]): Promise<string[]> {
  const complaints = rows.map(async (row) => {
    for (const call of row) {
      const complaint = await callDriver(host, call);
      if (complaint !== undefined) return [complaint];
    }
    return [];
  });
  return (await Promise.all(complaints)).flat();
}

/** Played to a daemon that is not killed. */
function played(
  ...steps: readonly (readonly (readonly DockerCall[])[])[]
): NonNullable<Operation['prepare']> {
  return async (host) => {
    const daemon = await serve(host);
    for (const rows of steps) {
      const complaints = await play(host, rows);
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    }
    await daemon.end('TERM');
  };
}

/** The daemon answers these rows at once, and is killed meanwhile, or at the end. */
function underLoad(
  name: string,
  rows: readonly (readonly DockerCall[])[],
  prepare?: Operation['prepare'],
): Operation {
  return {
    name,
    ...(prepare === undefined ? {} : { prepare }),
    async act(host, variables) {
      const begin = performance.now();
      const daemon = await serve(host, variables);
      await play(host, rows);
      const milliseconds = performance.now() - begin;
      const { isUp } = daemon;
      const { code } = await daemon.end('KILL');
      return { code: isUp ? 0 : code, milliseconds };
    },
  };
}

const attach = containers.map(attachContainer);
const detach = containers.map(detachContainer);

/** Kills of the daemon while an engine asks it; the engine's calls are played. */
export const daemonDockerKind: Kind = {
  name: 'daemon-docker',
  operations: [
    underLoad('network create', [createNetwork]),
    underLoad('network rm', [removeNetwork], played([createNetwork])),
    underLoad('containers begin', attach, played([createNetwork])),
    underLoad('containers end', detach, played([createNetwork], attach)),
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
      name: 'serve killed at its start',
      async run(host, random) {
        await (await serve(host, killEnvironment({ step: 1 + random.below(60) }))).end('KILL');
        return [];
      },
    },
    ...upkeep,
  ],
  async prepare(host) {
    // It makes the folder of Docker's plugin sockets, which stays.
    await (await serve(host)).end('TERM');
  },
  async end(host) {
    const daemon = await serve(host);
    const problems: string[] = daemon.isUp ? [] : ['serve ended'];
    // An engine that was told of a failure or of nothing ends all the same what it had asked for; what is not there is
    // no failure to it. That nothing is left shows whether it was heard.
    for (const call of [...detach.flat(), ...removeNetwork]) await callDriver(host, call);
    problems.push(...(await must(host, 'gc', tsnetCall('gc', '--older-than', '0'))));
    const { code, stderr } = await daemon.end('TERM');
    return code === 0 ? problems : [...problems, `serve ended with ${code}: ${stderr.slice(0, 300)}`];
  },
};
