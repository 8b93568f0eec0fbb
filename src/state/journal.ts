import type { EndpointId, NetworkId } from '../model/index.ts';
import { isLasting } from './durable.ts';
import { formatKey, type Key } from './keys.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';
import { randomDigits } from './random-digits.ts';
import { decodeEnvelope, encodeRecord, valueOf, type Envelope } from './records.ts';
import type { Entry, Reader, Writer } from './store.ts';

/** Names what an operation replaced, until the operation is complete or taken back: the key of its record as text. */
export type JournalId = string & { readonly __brand: 'JournalId' };

/** A network that an operation was about. */
export interface InterruptedScope {
  readonly network: NetworkId;
  readonly endpoints: readonly EndpointId[];
  /** Whether it wrote the network itself. */
  readonly changesNetwork: boolean;
}

/** An operation whose process ended before it was complete or taken back. */
export interface Interrupted {
  readonly journal: JournalId;
  readonly scopes: readonly InterruptedScope[];
  /** Whether all that it wrote is still there, as it wrote it or as somebody wrote it later. */
  readonly isWhole: boolean;
}

/** A record before an operation and after it; null if there was none. */
export interface Image {
  readonly key: Key;
  readonly before: Envelope | null;
  /** Absent in journals of versions that did not write it down: then whatever is there is taken for it. */
  readonly after?: Envelope | null;
}

/** What an operation replaced, and who made it. */
export interface Journal {
  readonly process: ProcessIdentity;
  readonly boot: string;
  readonly images: readonly Image[];
}

/** Who writes journals. Their names have the mark, so that nobody needs to read his own. */
export interface Author {
  readonly process: ProcessIdentity;
  readonly mark: string;
}

/** Where all that was replaced ends with the boot, the journal does so, too, and the disk need not know of it. */
const kinds = { lasting: 'journal', ofBoot: 'boot-journal' } as const;

let journals = 0;

/** A process as author. */
export function authorOf(process: ProcessIdentity): Author {
  return { process, mark: randomDigits(6) };
}

/**
 * Writes down what an operation replaced, under a new name.
 *
 * @returns undefined where it replaced nothing, so that there is nothing to undo
 */
export function putJournal(
  writer: Writer,
  boot: string,
  { process, mark }: Author,
  images: readonly Image[],
): JournalId | undefined {
  if (images.length === 0) return undefined;
  const journal: Journal = { process, boot, images };
  const lasts = images.some(isLasting);
  const key: Key = [lasts ? kinds.lasting : kinds.ofBoot, newName(mark)];
  writer.put(key, lasts ? encodeRecord(key, journal) : encodeRecord(key, journal, boot));
  return formatKey(key) as JournalId;
}

/** Names sort by time. */
function newName(mark: string): string {
  journals += 1;
  return `${Date.now().toString(36).padStart(9, '0')}-${mark}-${journals}`;
}

/** What an operation replaced; undefined once it was settled or undone. */
export function readJournal(reader: Reader, id: JournalId): Journal | undefined {
  return decodeJournal(keyOf(id), reader.get(keyOf(id)));
}

/** Forgets what an operation replaced. */
export function deleteJournal(writer: Writer, id: JournalId): void {
  writer.remove(keyOf(id));
}

/** The operations whose processes ended before they did, oldest first. Those of the author who asks are none. */
export function unfinishedJournals(reader: Reader, boot: string, { mark }: Author): Interrupted[] {
  const own = `-${mark}-`;
  const others = Object.values(kinds)
    .flatMap((kind) => reader.list([kind]))
    .filter(({ key }) => !String(key[1]).includes(own));
  return others.sort(byTime).flatMap(({ key, bytes }) => {
    const journal = decodeJournal(key, bytes);
    if (journal === undefined || (journal.boot === boot && isRunning(journal.process))) return [];
    const isWhole = journal.images.every((image) => isThere(reader, image));
    return [{ journal: formatKey(key) as JournalId, scopes: scopesOf(journal), isWhole }];
  });
}

/** Whether a record is as an operation left it. */
export function isAsWritten(reader: Reader, { key, after }: Image): boolean {
  if (after === undefined) return true;
  const bytes = reader.get(key);
  const present = bytes === undefined ? null : decodeEnvelope(bytes);
  return JSON.stringify(present) === JSON.stringify(after);
}

/** Whether what an operation wrote is there, perhaps with other content, but not another's. */
function isThere(reader: Reader, image: Image): boolean {
  const { key, after } = image;
  if (after === undefined || after === null) return true;
  if (key[0] === 'address' || key[0] === 'port') return isAsWritten(reader, image);
  return reader.get(key) !== undefined;
}

function scopesOf({ images }: Journal): InterruptedScope[] {
  const written = images.filter(({ key: [kind] }) => kind === 'network' || kind === 'endpoint');
  return [...new Set(written.map(({ key }) => key[1] as NetworkId))].map((network) => {
    const own = written.filter(({ key }) => key[1] === network);
    const endpoints = own.flatMap(({ key }) => (key[0] === 'endpoint' ? [key[2] as EndpointId] : []));
    return { network, endpoints, changesNetwork: own.length > endpoints.length };
  });
}

function decodeJournal(key: Key, bytes: Uint8Array | undefined): Journal | undefined {
  return bytes === undefined ? undefined : (valueOf(key, decodeEnvelope(bytes)) as Journal);
}

function keyOf(id: JournalId): Key {
  return id.split('/') as [string, string];
}

function byTime({ key: [, one = ''] }: Entry, { key: [, other = ''] }: Entry): number {
  return one < other ? -1 : 1;
}
