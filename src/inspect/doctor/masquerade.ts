import { flushFinding, masqueradeFinding } from '../port/engine-rules.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** What leaves the host with an address that nobody can answer to. */
export const masquerade: Check = {
  name: 'masquerading',
  find: (scene) =>
    bridgedNetworks(scene)
      // Where all rules are gone, that is the cause.
      .filter((network) => flushFinding(scene, network) === undefined)
      .flatMap((network) => masqueradeFinding(scene, network) ?? []),
};
