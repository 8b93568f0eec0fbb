import { ipOf, type Ip } from '../../model/index.ts';
import type { LinkAddress } from '../../kernel/netlink/index.ts';
import { LinkIndex } from './link-index.ts';
import type { LinkView, NetnsId, NetnsView, Snapshot } from './snapshot.ts';

/** A link and the namespace it is in. */
export interface PlacedLink {
  readonly netns: NetnsView;
  readonly link: LinkView;
}

/** A link that has an address. */
export interface PlacedAddress extends PlacedLink {
  readonly address: LinkAddress;
}

/** Kinds made in pairs; for the others the index of a peer names the link that they ride on. */
export const pairs: ReadonlySet<string | undefined> = new Set(['veth', 'netkit', 'vxcan']);

/**
 * What belongs together in a snapshot. Links are told apart by namespace and index: each namespace counts anew, and
 * names of links, too, occur many times. Made once, each answer costs as much as it holds.
 */
export class Relations {
  readonly snapshot: Snapshot;
  /** The namespace that counts as the host; undefined only in a snapshot that lacks it. */
  readonly host: NetnsView | undefined;
  readonly #namespaces: ReadonlyMap<NetnsId, NetnsView>;
  readonly #links = new Map<NetnsView, LinkIndex<LinkView>>();
  readonly #nsids = new Map<NetnsView, ReadonlyMap<number, NetnsId>>();
  readonly #ports = new Map<LinkView, PlacedLink[]>();
  readonly #children = new Map<LinkView, PlacedLink[]>();
  readonly #addresses = new Map<string, PlacedAddress[]>();
  readonly #ofLink = new Map<LinkView, LinkAddress[]>();

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.#namespaces = new Map(snapshot.namespaces.map((netns) => [netns.id, netns]));
    this.host = this.#namespaces.get(snapshot.hostNetns);
    for (const netns of snapshot.namespaces) {
      this.#links.set(netns, new LinkIndex(netns.links));
      this.#nsids.set(netns, new Map(netns.nsids.map(({ nsid, netns: id }) => [nsid, id])));
    }
    for (const netns of snapshot.namespaces) this.#relate(netns);
  }

  netnsById(id: NetnsId): NetnsView | undefined {
    return this.#namespaces.get(id);
  }

  /** The link of an index, which means something in its namespace only. */
  linkAt(netns: NetnsView | NetnsId, index: number): PlacedLink | undefined {
    const view = typeof netns === 'string' ? this.#namespaces.get(netns) : netns;
    const link = view === undefined ? undefined : this.#links.get(view)?.get(index);
    return view === undefined || link === undefined ? undefined : { netns: view, link };
  }

  /** The link of a name; compares all. */
  linkNamed(netns: NetnsView, name: string): PlacedLink | undefined {
    const link = netns.links.find((one) => one.name === name);
    return link === undefined ? undefined : { netns, link };
  }

  /** The namespace that an id stands for in another; undefined where nobody could tell. */
  netnsOf(netns: NetnsView, nsid: number | undefined): NetnsView | undefined {
    if (nsid === undefined) return netns;
    const id = this.#nsids.get(netns)?.get(nsid);
    return id === undefined ? undefined : this.#namespaces.get(id);
  }

  /**
   * The other end of a pair; undefined for other kinds, and where the other end was not seen, such as one in a
   * namespace that could not be entered.
   */
  peerOf({ netns, link }: PlacedLink): PlacedLink | undefined {
    if (!pairs.has(link.kind)) return undefined;
    const other = this.#pointedAt(netns, link);
    if (other === undefined || other.link === link || !pairs.has(other.link.kind)) return undefined;
    // What was read before and what after a link was moved does not fit together.
    const back = this.#pointedAt(other.netns, other.link);
    return back?.link === link ? other : undefined;
  }

  /** The link that a VLAN, macvlan or ipvlan rides on, perhaps in another namespace; undefined for other kinds. */
  parentOf({ netns, link }: PlacedLink): PlacedLink | undefined {
    if (pairs.has(link.kind) || (link.peerIndex === undefined && link.peerNsid === undefined))
      return undefined;
    const parent = this.#pointedAt(netns, link);
    return parent?.link === link ? undefined : parent;
  }

  /** The VLANs, macvlans and ipvlans that ride on a link, in whichever namespace they are. */
  childrenOf({ link }: PlacedLink): readonly PlacedLink[] {
    return this.#children.get(link) ?? [];
  }

  /** The bridge, bond or VRF that a link belongs to. */
  masterOf({ netns, link }: PlacedLink): PlacedLink | undefined {
    return link.masterIndex === undefined ? undefined : this.linkAt(netns, link.masterIndex);
  }

  /** What belongs to a bridge, bond or VRF. */
  portsOf({ link }: PlacedLink): readonly PlacedLink[] {
    return this.#ports.get(link) ?? [];
  }

  /** The addresses of a link. */
  addressesOf({ link }: PlacedLink): readonly LinkAddress[] {
    return this.#ofLink.get(link) ?? [];
  }

  /** Every link that has an address: several for loopback's, and where somebody gave it twice. */
  whereIs(ip: Ip): readonly PlacedAddress[] {
    return this.#addresses.get(ip) ?? [];
  }

  #relate(netns: NetnsView): void {
    for (const link of netns.links) {
      const placed = { netns, link };
      const master = this.masterOf(placed);
      if (master !== undefined) append(this.#ports, master.link, placed);
      const parent = this.parentOf(placed);
      if (parent !== undefined) append(this.#children, parent.link, placed);
    }
    for (const address of netns.addresses) {
      const placed = this.linkAt(netns, address.linkIndex);
      if (placed === undefined) continue;
      append(this.#addresses, ipOf(address.address), { ...placed, address });
      append(this.#ofLink, placed.link, address);
    }
  }

  #pointedAt(netns: NetnsView, { index, peerIndex, peerNsid }: LinkView): PlacedLink | undefined {
    const there = this.netnsOf(netns, peerNsid);
    // Old kernels leave the index out when it is the same in the other namespace.
    const wanted = peerIndex ?? (peerNsid === undefined ? undefined : index);
    return there === undefined || wanted === undefined ? undefined : this.linkAt(there, wanted);
  }
}

function append<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [value]);
  else known.push(value);
}
