import { type Engine, testImage } from '../../support/engine.ts';
import { run, type Run, until } from '../../support/engine-run.ts';
import type { Combination } from './combination.ts';

/** What a case has at hand: one engine, one driver, and words for what it does with them. */
export interface Harness extends Combination {
  readonly engine: Engine;
  readonly docker: Engine['docker'];
  readonly dockerFails: Engine['dockerFails'];
  /** Commands on the engine's host, and on a neighbour of its LAN. */
  readonly host: Run;
  readonly lan: Run;
  /** Commands on a host behind that neighbour. */
  readonly far: Run;
  /** Commands inside a container. */
  readonly inside: (container: string) => Run;
  /** Makes a network with the driver and its IPAM. */
  readonly createNetwork: (name: string, ...flags: string[]) => Promise<void>;
  /** The same, when it must be refused; gives the error output. */
  readonly createNetworkFails: (name: string, ...flags: string[]) => Promise<string>;
  /** Starts a container of the test image and waits until its servers answer. */
  readonly run: (name: string, network: string, ...flags: string[]) => Promise<void>;
  /** The same, when it must be refused; gives the error output. */
  readonly runFails: (network: string, ...flags: string[]) => Promise<string>;
  /** Waits until the servers of a container answer. */
  readonly serves: (name: string) => Promise<void>;
  /** Removes containers at once. */
  readonly remove: (...names: string[]) => Promise<void>;
  /** A field of a container in one of its networks, as `docker inspect` shows it. */
  readonly attachment: (name: string, network: string, field: string) => Promise<string>;
  /** The host port that was chosen for a port of a container such as `80/tcp`. */
  readonly hostPort: (name: string, port: string) => Promise<number>;
  /** What is to be done after the case, or after the group when the group's `setUp` says so; last said, first done. */
  readonly defer: (undo: () => Promise<unknown>) => void;
}

/** Words for one combination on one engine; what is deferred goes to `defer`. */
export function makeHarness(
  { engine, farNetns }: { readonly engine: Engine; readonly farNetns: string },
  combination: Combination,
  defer: Harness['defer'],
): Harness {
  const { docker, dockerFails } = engine;
  const { driver } = combination;
  const ipam = driver === 'tsnet' ? ['--ipam-driver', 'tsnet'] : [];
  const creation = (name: string, flags: readonly string[]) =>
    ['network', 'create', '-d', driver, ...ipam, ...flags, name] as const;

  const serves: Harness['serves'] = (name) =>
    until(`${name} serves`, async () => {
      await engine.container(name)('curl', '-sf', '-o', '/dev/null', '--noproxy', '*', 'http://127.0.0.1/');
      return true;
    });
  return {
    ...combination,
    engine,
    docker,
    dockerFails,
    host: engine.netns.exec,
    lan: engine.lan.exec,
    far: (command, ...args) => run('nsenter', [`--net=/run/netns/${farNetns}`, '--', command, ...args]),
    inside: engine.container,
    createNetwork: async (name, ...flags) => {
      await docker(...creation(name, flags));
    },
    createNetworkFails: (name, ...flags) => dockerFails(...creation(name, flags)),
    run: async (name, network, ...flags) => {
      await docker('run', '-d', '--name', name, '--network', network, ...flags, testImage);
      await serves(name);
    },
    runFails: (network, ...flags) => dockerFails('run', '-d', '--network', network, ...flags, testImage),
    serves,
    remove: (...names) => removeContainers(engine, names),
    attachment: (name, network, field) =>
      docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").${field}}}`, name),
    hostPort: async (name, port) => {
      const text =
        driver === 'tsnet'
          ? (await engine.tsnet('port', name)).split('\n').find((line) => line.startsWith(`${port} `))
          : await docker('port', name, port);
      const found = /:(\d+)/.exec(text ?? '')?.[1];
      if (found === undefined) throw new Error(`no host port of ${name} for ${port}: ${text}`);
      return Number(found);
    },
    defer,
  };
}

/** Removes all containers and networks. */
export async function removeEverything(engine: Engine): Promise<void> {
  const containers = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
  await removeContainers(engine, containers);
  await engine.docker('network', 'prune', '-f');
}

/** What is to be undone, last said, first done. */
export class Undoes {
  #pending: (() => Promise<unknown>)[] = [];

  readonly defer: Harness['defer'] = (undo) => {
    this.#pending.push(undo);
  };

  /** Does all of it, also after one of them failed; rejects with the first failure. */
  async run(): Promise<void> {
    const pending = this.#pending.toReversed();
    this.#pending = [];
    const failures: unknown[] = [];
    for (const undo of pending) await undo().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

/** Removes those that are there, all at once: the client would remove one after the other. */
async function removeContainers({ docker }: Engine, names: readonly string[]): Promise<void> {
  await Promise.all(
    names.map((name) =>
      docker('rm', '-f', '-v', name).catch((error: unknown) => {
        if (!String(error).includes('No such container')) throw error;
      }),
    ),
  );
}
