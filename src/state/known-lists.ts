import { formatKey, type Key } from './keys.ts';
import { decodeEnvelope, encodeRecord, type Envelope } from './records.ts';
import { randomDigits } from './random-digits.ts';
import type { Entry, Reader, Writer } from './store.ts';

/** Kinds that every creation of a network lists, and that nothing else changes. */
const kinds: ReadonlySet<string> = new Set(['network', 'pool']);

/** Holds a token that every commit replaces which touches one of these kinds. */
const tokenKey: Key = ['meta', 'lists'];

/** An entry of a list, decoded once for as long as it stays as it is. */
export interface KnownEntry extends Entry {
  readonly envelope: Envelope;
}

interface KnownList {
  readonly token: string;
  readonly entries: Map<string, KnownEntry>;
}

/**
 * The networks and pools of a store, listed and decoded once instead of at every question: the thousandth network is
 * created as quickly as the first. What another process has changed since is known by the token in the store, so that a
 * list is never older than the snapshot that is asked.
 */
export class KnownLists {
  readonly #lists = new Map<string, KnownList>();
  readonly #process = randomDigits(6);
  #commits = 0;

  /** The records of a kind as a snapshot has them; undefined for a kind or prefix that is not kept. */
  list(reader: Reader, prefix: Key | readonly []): readonly KnownEntry[] | undefined {
    const [kind] = prefix;
    if (kind === undefined || prefix.length > 1 || !kinds.has(kind)) return undefined;
    const token = tokenOf(reader);
    const known = this.#lists.get(kind);
    if (known?.token === token) return [...known.entries.values()];
    const entries = new Map(
      reader.list(prefix).map((entry) => {
        const name = formatKey(entry.key);
        return [name, unchanged(known?.entries.get(name), entry) ?? decoded(entry)];
      }),
    );
    this.#lists.set(kind, { token, entries });
    return [...entries.values()];
  }

  /** Whether one of the kinds is among these keys. */
  concerns(written: readonly Key[]): boolean {
    return written.some(([kind]) => kinds.has(kind));
  }

  /**
   * Marks a commit that has written such records, at its end.
   *
   * @returns what to do once it has succeeded
   */
  mark(writer: Writer, written: readonly Key[]): () => void {
    const before = tokenOf(writer);
    this.#commits += 1;
    const after = `${this.#process}-${this.#commits}`;
    writer.put(tokenKey, encodeRecord(tokenKey, after));
    const changed = written.filter(([kind]) => kinds.has(kind));
    const now = changed.map((key) => ({ key, bytes: writer.get(key) }));
    return () => {
      for (const kind of kinds) this.#follow(kind, before, after, now);
    };
  }

  #follow(
    kind: string,
    before: string,
    after: string,
    changed: readonly { readonly key: Key; readonly bytes: Uint8Array | undefined }[],
  ): void {
    const known = this.#lists.get(kind);
    if (known === undefined) return;
    if (known.token !== before) {
      this.#lists.delete(kind);
      return;
    }
    let isInOrder = true;
    for (const { key, bytes } of changed) {
      if (key[0] !== kind) continue;
      const name = formatKey(key);
      if (bytes === undefined) {
        known.entries.delete(name);
      } else {
        isInOrder &&= known.entries.has(name);
        known.entries.set(name, decoded({ key, bytes }));
      }
    }
    const entries = isInOrder ? known.entries : new Map([...known.entries].sort(byName));
    this.#lists.set(kind, { token: after, entries });
  }
}

function tokenOf(reader: Reader): string {
  const bytes = reader.get(tokenKey);
  return bytes === undefined ? '' : String(decodeEnvelope(bytes).value);
}

function unchanged(known: KnownEntry | undefined, { bytes }: Entry): KnownEntry | undefined {
  return known !== undefined && Buffer.compare(known.bytes, bytes) === 0 ? known : undefined;
}

/** With bytes of its own: those of the store are valid for as long as its snapshot. */
function decoded({ key, bytes }: Entry): KnownEntry {
  return { key, bytes: Uint8Array.from(bytes), envelope: decodeEnvelope(bytes) };
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
