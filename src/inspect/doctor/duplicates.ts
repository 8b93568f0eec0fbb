import { ipOf } from '../../model/index.ts';
import type { PlacedLink } from '../../observe/host/relations.ts';
import type { Finding } from '../finding.ts';
import { fact, found } from '../port/hop.ts';
import { containersIn, relationsOf } from '../port/lookup.ts';
import type { Scene } from '../port/scene.ts';
import type { Check } from './check.ts';

/** Addresses and MACs that two links at one bridge have. */
export const duplicates: Check = {
  name: 'duplicate addresses',
  find: (scene) =>
    scene.host.links
      .filter(({ kind }) => kind === 'bridge')
      .flatMap((bridge) => {
        const relations = relationsOf(scene.inspection);
        const ends = relations
          .portsOf({ netns: scene.host, link: bridge })
          .flatMap((port) => relations.peerOf(port) ?? []);
        const all = [{ netns: scene.host, link: bridge }, ...ends];
        return [
          ...twice(scene, bridge.name, all, 'address.duplicate', (end) =>
            relations
              .addressesOf(end)
              .filter(({ scope }) => scope === 'global')
              .map(({ address }) => ipOf(address)),
          ),
          ...twice(scene, bridge.name, ends, 'mac.duplicate', ({ link }) =>
            link.mac === undefined ? [] : [link.mac],
          ),
        ];
      }),
};

function twice(
  { inspection }: Scene,
  bridge: string,
  ends: readonly PlacedLink[],
  code: string,
  valuesOf: (end: PlacedLink) => readonly string[],
): Finding[] {
  const holders = new Map<string, PlacedLink[]>();
  for (const end of ends)
    for (const value of valuesOf(end)) holders.set(value, [...(holders.get(value) ?? []), end]);
  return [...holders]
    .filter(([, several]) => several.length > 1)
    .map(([value, several]) => {
      const names = several.map(
        ({ netns, link }) => `${containersIn(inspection, netns.id)[0]?.name ?? netns.id} ${link.name}`,
      );
      return found(code, {
        subject: `link ${bridge}`,
        message: `${value} is there ${several.length} times at ${bridge}: ${names.join(', ')}`,
        evidence: several.map(({ netns, link }) => fact('rtnetlink', `${netns.id} link ${link.name}`, value)),
        hint: 'one of them was set by hand: give it another',
      });
    });
}
