import type { NetworkView } from '../engines/container-view.ts';
import { bridgeOf } from '../port/lookup.ts';
import type { Scene } from '../port/scene.ts';

/** Networks that are a bridge on this host. */
export function bridgedNetworks({ inspection }: Scene): NetworkView[] {
  return inspection.engines
    .flatMap(({ networks }) => networks)
    .filter((network) => network.driver === 'bridge' || network.driver === 'tsnet')
    .filter((network) => bridgeOf(inspection, network) !== undefined);
}
