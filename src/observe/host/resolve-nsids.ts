import type { Link, Rtnetlink } from '../../kernel/netlink/index.ts';
import type { Gaps } from './gaps.ts';
import { LinkIndex } from './link-index.ts';
import type { OpenNetns } from './open-netns.ts';
import { pairs } from './relations.ts';
import type { NetnsFacts } from './read-netns.ts';
import type { NetnsView } from './snapshot.ts';

/** A namespace and what was read of it. */
export interface ReadNetns {
  readonly netns: OpenNetns;
  /** Open there; absent where it can't be entered. */
  readonly rtnetlink: Rtnetlink | undefined;
  /** The id that the host has there, where that is known already. */
  readonly hostNsid?: number | undefined;
  readonly facts: NetnsFacts;
}

/** What ids stand for. */
export interface Resolved {
  /** For each namespace the ids that occur in it. */
  readonly nsids: ReadonlyMap<OpenNetns, NetnsView['nsids']>;
  /** Ids of namespaces that are none of those that were asked for. */
  readonly unknown: readonly { readonly one: ReadNetns; readonly nsid: number }[];
}

/** As many questions as one message holds. */
const width = 64;

/**
 * Which namespaces the ids of peers stand for. An id means something in one namespace only, and the kernel tells it for a
 * namespace that is given, not the other way round: so the likely ones are asked first, and of those first the host,
 * where most peers are. Where one end of a pair is known to lead to the other, the other leads back.
 *
 * @param host one of `all`
 * @param wanted in the host: whether all ids, or only those of peers
 */
export async function resolveNsids(
  all: readonly ReadNetns[],
  host: ReadNetns,
  wanted: { readonly all: boolean },
  gaps: Gaps,
): Promise<Resolved> {
  const known = new Known(all);
  const others = all.filter((one) => one !== host && hasPeersAbroad(one));
  for (const one of others) {
    if (one.hostNsid === undefined) continue;
    known.set(one, one.hostNsid, host.netns);
    known.leadBack(one);
  }
  let candidates: Candidates | undefined;
  const unknown: { one: ReadNetns; nsid: number }[] = [];
  for (const one of [host, ...others]) {
    const listed = one === host && wanted.all ? await listNsids(host, gaps) : [];
    const nsids = new Set([...listed, ...one.facts.links.flatMap(({ peerNsid }) => peerNsid ?? [])]);
    const found = known.of(one.netns);
    if ([...nsids].some((nsid) => !found.has(nsid))) {
      candidates ??= new Candidates(all, host);
      await ask(one, nsids, found, candidates, gaps);
    }
    for (const nsid of nsids) if (!found.has(nsid)) unknown.push({ one, nsid });
    known.leadBack(one);
  }
  return { nsids: known.entries(), unknown };
}

/** What ids stand for, as far as that is known. */
class Known {
  readonly #found = new Map<OpenNetns, Map<number, OpenNetns>>();
  readonly #links = new Map<OpenNetns, LinkIndex<Link>>();

  constructor(all: readonly ReadNetns[]) {
    for (const { netns, facts } of all) {
      this.#found.set(netns, new Map());
      this.#links.set(netns, new LinkIndex(facts.links));
    }
  }

  /** To be added to. */
  of(netns: OpenNetns): Map<number, OpenNetns> {
    return this.#found.get(netns) ?? new Map<number, OpenNetns>();
  }

  /** Notes an id if it is the id of a peer. */
  set({ netns, facts }: ReadNetns, nsid: number, other: OpenNetns): void {
    if (facts.links.some(({ peerNsid }) => peerNsid === nsid)) this.of(netns).set(nsid, other);
  }

  /** Notes the way back of every pair whose way there is known. */
  leadBack({ netns, facts }: ReadNetns): void {
    const found = this.of(netns);
    for (const link of facts.links) {
      const other = link.peerNsid === undefined ? undefined : found.get(link.peerNsid);
      const back = other === undefined ? undefined : this.#links.get(other)?.get(peerOf(link));
      if (other === undefined || back?.peerNsid === undefined || peerOf(back) !== link.index) continue;
      if (back.kind === link.kind && pairs.has(link.kind)) this.of(other).set(back.peerNsid, netns);
    }
  }

  entries(): Resolved['nsids'] {
    return new Map(
      [...this.#found].map(([netns, known]) => {
        const entries = [...known].map(([nsid, { id }]) => ({ nsid, netns: id }));
        return [netns, entries.sort((a, b) => a.nsid - b.nsid)] as const;
      }),
    );
  }
}

function hasPeersAbroad({ facts }: ReadNetns): boolean {
  return facts.links.some(({ peerNsid }) => peerNsid !== undefined);
}

async function listNsids({ netns, rtnetlink }: ReadNetns, gaps: Gaps): Promise<number[]> {
  if (rtnetlink === undefined) return [];
  return await gaps.around(`${netns.id} nsids`, () => rtnetlink.listNsids(), []);
}

/** Why an id stands for nothing that was seen. */
export function describeUnknown({ facts }: ReadNetns, nsid: number): string {
  const names = facts.links.filter(({ peerNsid }) => peerNsid === nsid).map(({ name }) => name);
  const there = names.length === 0 ? '' : `; peers of ${names.join(', ')} are there`;
  return `a namespace that no process is in and no file pins, so that it can't be opened${there}`;
}

/** Asks for one likely namespace after the other until all ids are known or nobody is left. */
async function ask(
  one: ReadNetns,
  wanted: ReadonlySet<number>,
  found: Map<number, OpenNetns>,
  candidates: Candidates,
  gaps: Gaps,
): Promise<void> {
  const { netns, rtnetlink } = one;
  if (rtnetlink === undefined) return;
  for (const likely of candidates.of(one)) {
    for (let start = 0; start < likely.length && found.size < wanted.size; start += width) {
      const part = likely.slice(start, start + width);
      const descriptors = part.map(({ descriptor }) => descriptor);
      const nsids = await gaps.around(`${netns.id} nsids`, () => rtnetlink.nsidsOf(descriptors), []);
      for (const [index, nsid] of nsids.entries()) {
        const other = part[index];
        if (nsid !== undefined && other !== undefined && wanted.has(nsid)) found.set(nsid, other);
      }
    }
    if (found.size === wanted.size) return;
  }
}

/** Which namespaces have a link that could be the peer of one. */
class Candidates {
  readonly #byIndex = new Map<number, Set<OpenNetns>>();
  readonly #byBoth = new Map<string, Set<OpenNetns>>();
  readonly #all: readonly OpenNetns[];
  readonly #host: OpenNetns;

  constructor(all: readonly ReadNetns[], host: ReadNetns) {
    this.#host = host.netns;
    this.#all = all.map(({ netns }) => netns);
    for (const { netns, facts } of all) {
      for (const { index, peerIndex, peerNsid } of facts.links) {
        add(this.#byIndex, index, netns);
        if (peerNsid !== undefined) add(this.#byBoth, `${index} ${peerIndex ?? index}`, netns);
      }
    }
  }

  /** Those with a link that points back, then those with any link of the index; for the host then all. */
  *of({ netns, facts }: ReadNetns): Generator<OpenNetns[], void, void> {
    const asked = new Set<OpenNetns>();
    const fresh = (some: Iterable<OpenNetns>): OpenNetns[] => {
      const found = [...some].filter((other) => other !== netns && !asked.has(other));
      for (const other of found) asked.add(other);
      return [...new Set(found)];
    };
    const abroad = facts.links.filter(({ peerNsid }) => peerNsid !== undefined);
    const mutual = abroad.flatMap((link) => [...(this.#byBoth.get(`${peerOf(link)} ${link.index}`) ?? [])]);
    yield fresh([...mutual, this.#host]);
    for (const index of new Set(abroad.map(peerOf))) yield fresh(this.#byIndex.get(index) ?? []);
    if (netns === this.#host) yield [netns, ...fresh(this.#all)];
  }
}

/** Old kernels leave the peer's index out when it is the same. */
function peerOf({ index, peerIndex }: Link): number {
  return peerIndex ?? index;
}

function add<Key>(sets: Map<Key, Set<OpenNetns>>, key: Key, netns: OpenNetns): void {
  const known = sets.get(key);
  if (known === undefined) sets.set(key, new Set([netns]));
  else known.add(netns);
}
