import { allContainers, netnsOf, networkById } from '../port/lookup.ts';
import { isAlive } from '../port/claims.ts';
import type { Scene } from '../port/scene.ts';
import { targetIn, type Target } from '../port/target.ts';

/** Every address that engines gave to containers that run, as a place in the container; port 0 stands for none. */
export function runningTargets({ inspection }: Scene): Target[] {
  return allContainers(inspection)
    .filter(({ container }) => isAlive(container) && netnsOf(inspection, container) !== undefined)
    .flatMap((owner) =>
      owner.container.attachments
        .filter(({ networkId }) => networkById(inspection, networkId) !== undefined)
        .flatMap(({ addresses }) => addresses)
        .map((ip) => targetIn(inspection, owner, { ip, port: 0, protocol: 'tcp' })),
    );
}
