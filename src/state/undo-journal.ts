import { allocate, release, type Lease, type Pool } from '../ipam/index.ts';
import { overlaps, type EndpointId, type Ip, type NetworkId, type PoolId } from '../model/index.ts';
import { deleteJournal, isAsWritten, readJournal, type Image, type JournalId } from './journal.ts';
import { formatKey, keys, type Key } from './keys.ts';
import { encodeEnvelope, valueOf, type Envelope } from './records.ts';
import type { Writer } from './store.ts';
import { StateTransaction } from './transaction.ts';

/**
 * Puts back what an operation replaced and forgets its journal; one that is unknown was settled or undone before.
 *
 * Only what nobody has changed since is put back, and what belongs together goes together: of an endpoint that somebody
 * has written since nothing is touched, and to one that is gone nothing is given back. What belonged to an earlier boot
 * stays away.
 */
export function undoJournal(writer: Writer, id: JournalId, boot: string): void {
  const journal = readJournal(writer, id);
  if (journal === undefined) return;
  new Undo(writer, boot, journal.images).run();
  deleteJournal(writer, id);
}

type Fate = 'undone' | 'kept' | 'gone';

class Undo {
  readonly #writer: Writer;
  readonly #boot: string;
  readonly #images: readonly Image[];
  /** What becomes of each endpoint and network that the operation wrote: its addresses, ports and leases follow. */
  readonly #fates = new Map<string, Fate>();

  constructor(writer: Writer, boot: string, images: readonly Image[]) {
    this.#writer = writer;
    this.#boot = boot;
    this.#images = images;
  }

  run(): void {
    for (const image of this.#ofKind('network', 'endpoint'))
      this.#fates.set(formatKey(image.key), this.#fateOf(image));
    // What is put back stands on what is put back before it: an endpoint on its network, an address on its endpoint.
    for (const kind of ['network', 'endpoint', 'address', 'port']) {
      for (const image of this.#ofKind(kind)) this.#putBack(image);
    }
    this.#undoPools();
    for (const image of this.#ofKind('lease')) this.#undoLease(image);
  }

  #ofKind(...kinds: readonly string[]): Image[] {
    return this.#images.filter(({ key }) => kinds.includes(key[0]));
  }

  #fateOf(image: Image): Fate {
    if (isAsWritten(this.#writer, image)) return 'undone';
    return this.#writer.get(image.key) === undefined ? 'gone' : 'kept';
  }

  #putBack(image: Image): void {
    const { key } = image;
    if (!isAsWritten(this.#writer, image) || this.#isKept(image)) return;
    const before = this.#before(image);
    if (before === undefined || !this.#hasOwner(key, before)) this.#writer.remove(key);
    else this.#writer.put(key, encodeEnvelope(before));
  }

  #before({ before }: Image): Envelope | undefined {
    if (before === null) return undefined;
    return before.boot === undefined || before.boot === this.#boot ? before : undefined;
  }

  /** Whether it belongs to an endpoint that somebody has written since. */
  #isKept({ key, before, after }: Image): boolean {
    const isKept = (envelope: Envelope | null | undefined) => {
      const owner = envelope == null ? undefined : ownerKey(key, envelope);
      return owner !== undefined && this.#fates.get(formatKey(owner)) === 'kept';
    };
    return isKept(before) || isKept(after);
  }

  #hasOwner(key: Key, envelope: Envelope): boolean {
    const owner = ownerKey(key, envelope);
    return owner === undefined || this.#writer.get(owner) !== undefined;
  }

  /** A pool that was made goes, unless others use it by now; one that was given back comes again where its place is free. */
  #undoPools(): void {
    const images = this.#ofKind('pool').map((image) => ({
      id: image.key[1] as PoolId,
      before: this.#before(image),
    }));
    for (const { id, before } of images) {
      const tx = this.#transaction();
      if (before === undefined && !this.#isUsedByOthers(tx, id)) tx.deletePool(id);
    }
    for (const { id, before } of images) {
      const tx = this.#transaction();
      if (before === undefined || tx.pool(id) !== undefined) continue;
      const pool = valueOf(['pool', id], before) as Pool;
      const isTaken = tx
        .pools()
        .some(({ space, subnet }) => space === pool.space && overlaps(subnet, pool.subnet));
      if (!isTaken) tx.putPool(pool);
    }
  }

  #isUsedByOthers(tx: StateTransaction, id: PoolId): boolean {
    const own = new Set(
      this.#ofKind('lease').flatMap((image) =>
        isAsWritten(this.#writer, image) ? [formatKey(image.key)] : [],
      ),
    );
    return (
      tx.networks().some(({ pools }) => pools.includes(id)) ||
      tx.leases(id).some(({ ip }) => !own.has(formatKey(keys.lease(id, ip))))
    );
  }

  /** The address tree follows from the leases. */
  #undoLease(image: Image): void {
    const [, id, ip] = image.key as readonly ['lease', PoolId, Ip];
    const tx = this.#transaction();
    const pool = tx.pool(id);
    if (pool === undefined || !isAsWritten(this.#writer, image)) return;
    const [before, present] = [this.#before(image), tx.lease(id, ip)];
    if (before === undefined) {
      // The gateway of a pool that stays is nobody's to give out, and what was moved here for others is theirs.
      if (present === undefined || present.kind === 'gateway' || !this.#isOwn(present)) return;
      release(pool, tx.nodes(id), ip);
      tx.deleteLease(id, ip);
      return;
    }
    if (present === undefined) allocate(pool, tx.nodes(id), { kind: 'auxiliary', address: ip });
    else tx.deleteLease(id, ip);
    tx.putLease(valueOf(image.key, before) as Lease);
  }

  /** Whether a lease was taken for nobody in particular, or for an endpoint that is taken back. */
  #isOwn({ owner }: Lease): boolean {
    if (owner === undefined) return true;
    return [...this.#fates].some(
      ([name, fate]) => fate !== 'kept' && owner === `endpoint:${name.split('/')[2]}`,
    );
  }

  /** A new one each time: it remembers what it has read, and others write beside it. */
  #transaction(): StateTransaction {
    return new StateTransaction(this.#writer, this.#boot);
  }
}

/** The record that another one stands on. */
function ownerKey(key: Key, envelope: Envelope): Key | undefined {
  const value = valueOf(key, envelope);
  const [kind, network] = key;
  switch (kind) {
    case 'endpoint':
      return keys.network(network as NetworkId);
    case 'address':
      return keys.endpoint(network as NetworkId, value as EndpointId);
    case 'port': {
      const holder = value as { readonly network: NetworkId; readonly endpoint: EndpointId };
      return keys.endpoint(holder.network, holder.endpoint);
    }
    default:
      return undefined;
  }
}
