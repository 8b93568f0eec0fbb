import type { Address, Mac } from '../../model/index.ts';
import type { LinkView, NetnsId, NetnsView } from '../../observe/host/snapshot.ts';
import type { PlacedContainer } from '../containers-of.ts';
import type { HostMap } from '../host-map.ts';
import type { Inspection } from '../inspection.ts';

/** What every answer begins with. `json.md` describes all of them. */
export interface View<Kind extends string> {
  /** Changes when a reader of the former form would misunderstand it. */
  readonly schema: 'tsnet.inspect/1';
  readonly kind: Kind;
  /** When the host was looked at, as in RFC 3339, UTC. */
  readonly takenAt: string;
}

/** The beginning of an answer. */
export function header<Kind extends string>({ snapshot }: Inspection, kind: Kind): View<Kind> {
  return { schema: 'tsnet.inspect/1', kind, takenAt: snapshot.takenAt };
}

/** Bytes and packets that passed a link, as its own side counts them. */
export type Counters = NonNullable<LinkView['counters']>;

/** An end of a link with what people ask of it. */
export interface InterfaceView {
  readonly name: string;
  readonly index: number;
  /** Such as `veth`, `macvlan`; `physical` for hardware and loopback. */
  readonly kind: string;
  readonly netns: NetnsId;
  /** `host`, a container's name, or how else people call the namespace. */
  readonly place: string;
  readonly addresses: readonly Address[];
  readonly mac?: Mac;
  readonly mtu: number;
  /** `down` until it was set up; else what the kernel says of its carrier. */
  readonly state: LinkView['operState'];
  readonly counters?: Counters;
}

/** A link in an answer. */
export function interfaceOf(map: HostMap, netns: NetnsView, link: LinkView): InterfaceView {
  return {
    name: link.name,
    index: link.index,
    kind: link.kind ?? 'physical',
    netns: netns.id,
    place: map.titleOf(netns),
    addresses: map.addressesOf(netns, link),
    ...(link.mac === undefined ? {} : { mac: link.mac }),
    mtu: link.mtu,
    state: stateOf(link),
    ...(link.counters === undefined ? {} : { counters: link.counters }),
  };
}

/** `down` for a link that nobody set up; loopback and tunnels that say nothing of their carrier are up. */
export function stateOf(link: LinkView): LinkView['operState'] {
  if (!link.isUp) return 'down';
  return link.operState === 'unknown' && link.isRunning ? 'up' : link.operState;
}

/** A container in an answer. */
export interface ContainerReference {
  readonly id: string;
  readonly name: string;
  readonly engine: PlacedContainer['engine'];
}

/** A container in an answer. */
export function referenceOf({ id, name, engine }: PlacedContainer): ContainerReference {
  return { id, name, engine };
}

/** IFF_LOOPBACK. Source: netdevice(7). */
const loopbackFlag = 0x8;

/** Whether a link leads only back to its own namespace. */
export function isLoopback({ flags }: LinkView): boolean {
  return (flags & loopbackFlag) !== 0;
}
