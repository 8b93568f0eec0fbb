import { bridgeFindings } from '../port/attachment.ts';
import { allContainers } from '../port/lookup.ts';
import type { Check } from './check.ts';

/** Bridges that are gone, down, or without the address that is their network's gateway. */
export const bridges: Check = {
  name: 'bridges',
  find: ({ inspection }) =>
    inspection.engines
      .flatMap(({ networks }) => networks)
      .filter(({ id, driver }) => driver !== 'tsnet' || isUsed(inspection, id))
      .flatMap((network) => bridgeFindings(inspection, network, 4)),
};

/** Whether a container is in a network; a driver may make the bridge with the first one. */
function isUsed(inspection: Parameters<typeof allContainers>[0], id: string): boolean {
  return allContainers(inspection).some(({ container }) =>
    container.attachments.some(({ networkId, addresses }) => networkId === id && addresses.length > 0),
  );
}
