import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootId } from '../../kernel/proc/index.ts';
import { TsnetError } from '../../model/index.ts';
import {
  deleteNetwork,
  forgetDaemonLock,
  openContext,
  recover,
  releasePool,
  type Logger,
  type Settings,
} from '../../network/index.ts';
import { State } from '../../state/index.ts';
import type { Step } from './step.ts';

/** What a purge takes away. */
export interface Holdings {
  readonly networks: number;
  /** How many of the networks Docker created and goes on listing. */
  readonly dockerNetworks: number;
  readonly endpoints: number;
}

/** What the records hold now. @throws unavailable when they can't be read */
export function readHoldings({ stateDirectory, runDirectory }: Settings): Holdings {
  using state = State.open({ directory: stateDirectory, runDirectory, bootId: bootId(), readOnly: true });
  return state.read((view) => {
    const networks = view.networks();
    return {
      networks: networks.length,
      dockerNetworks: networks.filter(({ origin }) => origin === 'docker').length,
      endpoints: networks.reduce((sum, { id }) => sum + view.endpoints(id).length, 0),
    };
  });
}

/** Refuses to take the network from containers. @throws conflict */
export function refuseEndpoints({ endpoints }: Holdings): void {
  if (endpoints === 0) return;
  throw new TsnetError('conflict', `purge: ${endpoints} endpoints of containers exist`, {
    hint: 'remove the containers (tsnet endpoint ls lists them); --force takes their network away',
  });
}

/**
 * Removes every network with its endpoints, whatever else in the kernel carries our mark, and then the records.
 *
 * @throws kernel, denied; a repeated purge goes on
 */
export async function purge(settings: Settings, log: Logger): Promise<void> {
  {
    using context = await openContext(settings, log);
    for (const { id } of context.state.read((view) => view.networks())) await deleteNetwork(context, id);
    for (const { id } of context.state.read((view) => view.pools())) await releasePool(context, id);
    // What a lost record left behind, and the structure of the firewall.
    await recover(context);
  }
  State.remove(settings.stateDirectory, settings.runDirectory);
  forgetDaemonLock(settings);
  rmSync(join(settings.runDirectory, 'locks'), { recursive: true, force: true });
  for (const folder of [settings.stateDirectory, settings.runDirectory]) removeIfEmpty(folder);
}

/** What a purge did, or would do. */
export function purgeSteps(settings: Settings, { networks, endpoints, dockerNetworks }: Holdings): Step[] {
  const reason = `with ${networks} networks and ${endpoints} endpoints, and what they have in the kernel`;
  return [
    { action: 'remove', subject: `records in ${settings.stateDirectory}`, reason },
    ...(dockerNetworks === 0
      ? []
      : [
          {
            action: 'note',
            subject: `Docker still lists ${dockerNetworks} of them: docker network rm`,
          } as const,
        ]),
  ];
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EBUSY') throw error;
  }
}
