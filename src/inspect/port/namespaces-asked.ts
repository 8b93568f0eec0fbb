import type { NetnsId } from '../../observe/host/snapshot.ts';
import type { Inspection } from '../inspection.ts';
import { findClaim } from './claims.ts';
import { findContainer, hostOf, netnsOf } from './lookup.ts';
import type { PortQuestion } from './question.ts';
import { targetAt } from './target.ts';

/**
 * The namespaces beside the host's through which the packets of a question go: of the container that has the port, and of
 * those that ask. Their own rules decide as well, and are read for a question only.
 */
export function namespacesAsked(inspection: Inspection, question: PortQuestion): NetnsId[] {
  const { container, address, port, protocol, from } = question;
  const wanted = container === undefined ? undefined : findContainer(inspection, container);
  const claim = findClaim(inspection, question, wanted);
  const askers = from.flatMap((origin) =>
    typeof origin === 'string' ? [] : (findContainer(inspection, origin.container) ?? []),
  );
  const owners = claim === undefined ? askers : [claim.owner, ...askers];
  const found = [
    ...owners.map((owner) => netnsOf(inspection, owner.container)),
    address === undefined ? undefined : targetAt(inspection, address, port, protocol).netns,
  ];
  const host = hostOf(inspection).id;
  return [...new Set(found.flatMap((netns) => (netns === undefined || netns.id === host ? [] : netns.id)))];
}
