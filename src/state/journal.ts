import type { EndpointId, NetworkId } from '../model/index.ts';
import { mayOutliveBoot } from './durable.ts';
import { formatKey, type Key } from './keys.ts';
import { isRunning, thisProcess, type ProcessIdentity } from './process-identity.ts';
import { randomDigits } from './random-digits.ts';
import { decodeEnvelope, encodeEnvelope, encodeRecord, valueOf, type Envelope } from './records.ts';
import type { Entry, Reader, Writer } from './store.ts';

/** Names what an operation replaced, until the operation is complete or taken back: the key of its record as text. */
export type JournalId = string & { readonly __brand: 'JournalId' };

/** An operation whose process ended before it was complete or taken back. */
export interface Interrupted {
  readonly journal: JournalId;
  /** The networks and endpoints that it was about. */
  readonly scopes: readonly { readonly network: NetworkId; readonly endpoints: readonly EndpointId[] }[];
}

/** A record before an operation; null if there was none. */
export interface Image {
  readonly key: Key;
  readonly before: Envelope | null;
}

interface Journal {
  readonly process: ProcessIdentity;
  readonly boot: string;
  readonly images: readonly Image[];
}

/** Where all that was replaced ends with the boot, the journal does so, too, and the disk need not know of it. */
const kinds = { lasting: 'journal', ofBoot: 'boot-journal' } as const;

let processPart: string | undefined;
let journals = 0;

/** Writes down what an operation of this process replaced, under a new name. */
export function putJournal(writer: Writer, boot: string, images: readonly Image[]): JournalId {
  const journal: Journal = { process: thisProcess(), boot, images };
  const isLasting = images.some(({ key }) => mayOutliveBoot(key));
  const key: Key = [isLasting ? kinds.lasting : kinds.ofBoot, newName()];
  writer.put(key, isLasting ? encodeRecord(key, journal) : encodeRecord(key, journal, boot));
  return formatKey(key) as JournalId;
}

/** Names sort by time. */
function newName(): string {
  journals += 1;
  processPart ??= randomDigits(6);
  return `${Date.now().toString(36).padStart(9, '0')}-${processPart}-${journals}`;
}

/**
 * Puts back what an operation replaced and forgets the journal; one that is unknown was settled or undone before. What
 * belonged to an earlier boot stays away.
 */
export function undoJournal(writer: Writer, id: JournalId, boot: string): void {
  const journal = readJournal(keyOf(id), writer.get(keyOf(id)));
  if (journal === undefined) return;
  for (const { key, before } of journal.images) {
    if (before === null || (before.boot !== undefined && before.boot !== boot)) writer.remove(key);
    else writer.put(key, encodeEnvelope(before));
  }
  deleteJournal(writer, id);
}

/** Forgets what an operation replaced. */
export function deleteJournal(writer: Writer, id: JournalId): void {
  writer.remove(keyOf(id));
}

/** The operations whose processes ended before they did, oldest first. */
export function unfinishedJournals(reader: Reader, boot: string): Interrupted[] {
  const all = Object.values(kinds).flatMap((kind) => reader.list([kind]));
  return all.sort(byTime).flatMap(({ key, bytes }) => {
    const journal = readJournal(key, bytes);
    const isInterrupted = journal !== undefined && (journal.boot !== boot || !isRunning(journal.process));
    return isInterrupted ? [{ journal: formatKey(key) as JournalId, scopes: scopesOf(journal) }] : [];
  });
}

function scopesOf({ images }: Journal): Interrupted['scopes'] {
  const endpoints = new Map<NetworkId, Set<EndpointId>>();
  for (const { key } of images) {
    const [kind, network, endpoint] = key;
    if (kind !== 'network' && kind !== 'endpoint') continue;
    const known = endpoints.get(network as NetworkId) ?? new Set();
    if (kind === 'endpoint') known.add(endpoint as EndpointId);
    endpoints.set(network as NetworkId, known);
  }
  return [...endpoints].map(([network, ids]) => ({ network, endpoints: [...ids] }));
}

function readJournal(key: Key, bytes: Uint8Array | undefined): Journal | undefined {
  return bytes === undefined ? undefined : (valueOf(key, decodeEnvelope(bytes)) as Journal);
}

function keyOf(id: JournalId): Key {
  return id.split('/') as [string, string];
}

function byTime({ key: [, one = ''] }: Entry, { key: [, other = ''] }: Entry): number {
  return one < other ? -1 : 1;
}
