import { printable } from '../../model/index.ts';
import { Relations, type NetnsView, type PlacedLink } from '../../observe/host/index.ts';
import type { HostMap } from '../host-map.ts';
import type { Trail } from './follow-packet.ts';

/** A link that a packet crossed, with the namespace it is in. */
export interface PlacedStep {
  readonly kind: 'send' | 'receive';
  /** `host/hx0`, `web/eth0`; only the link's own name where its namespace is not known. */
  readonly link: string;
  /** Microseconds since the packet was first seen. */
  readonly microseconds: number;
}

/**
 * The namespaces of the links of a trail: the kernel tells names only, but a packet that is sent into one end of a veth
 * comes out at the other.
 *
 * @param start the namespace where the packet was made
 */
export function placeTrail(
  map: HostMap,
  relations: Relations,
  start: NetnsView,
  { steps }: Trail,
): PlacedStep[] {
  let here: NetnsView | undefined = start;
  let peer: PlacedLink | undefined;
  return steps.map(({ kind, device, microseconds }) => {
    if (kind === 'receive' && peer?.link.name === device) here = peer.netns;
    const placed: PlacedLink | undefined = here && relations.linkNamed(here, device);
    // A link that was made since, or a way that can't be followed.
    if (placed === undefined) here = undefined;
    peer = kind === 'send' && placed !== undefined ? relations.peerOf(placed) : undefined;
    const name = printable(device);
    return {
      kind,
      link: here === undefined ? name : `${printable(map.titleOf(here))}/${name}`,
      microseconds,
    };
  });
}
