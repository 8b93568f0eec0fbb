import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsnetError } from '../model/index.ts';
import type { Key } from './keys.ts';
import { seal, unseal } from './seal.ts';
import type { Companion, Entry, Reader, Writer } from './store.ts';

/** Changes of these are worth a new copy; others come with the next one. Attaching a container touches none. */
const copiedWhenChanged: ReadonlySet<string> = new Set(['network', 'pool']);
const copied = ['network', 'pool', 'lease', 'sandbox'] as const;
/** Many networks that are created in a row share a copy. */
const delayMs = 1000;

interface Head {
  readonly tsnetCopy: 1;
  readonly records: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Where the copy of what a state directory holds lies. */
export function copyOf(directory: string): string {
  return join(directory, 'records.copy');
}

/**
 * Keeps a copy of what outlives the boot beside the disk's store, as text that nothing but a reader of lines is needed for.
 * Written a moment after networks or pools have changed, and when the state is closed; never from what is damaged.
 */
export class DurableCopy implements Companion {
  readonly #directory: string;
  readonly #read: () => Entry[];
  #timer: NodeJS.Timeout | undefined;

  /** @param read gives what the disk's store holds; it throws when that is damaged */
  constructor(directory: string, read: (of: (reader: Reader) => Entry[]) => Entry[]) {
    this.#directory = directory;
    this.#read = () => read((reader) => copied.flatMap((kind) => reader.list([kind])));
  }

  begin(): void {}

  finish(_: Writer, written: readonly Key[]): void {
    this.note(written);
  }

  /** Records with these keys have changed on the disk. */
  note(keys: readonly Key[]): void {
    if (this.#timer !== undefined || !keys.some(([kind]) => copiedWhenChanged.has(kind))) return;
    this.#timer = setTimeout(() => this.flush(), delayMs).unref();
  }

  /** Writes the copy if it is due. One that can't be written, or is to be of something damaged, leaves the last one. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      writeCopy(this.#directory, this.#read());
    } catch {
      // The records themselves are written; who can't be copied says so when it is read.
    }
  }
}

/** Replaces the copy: whoever is killed or loses power meanwhile leaves the old one or the new one. */
export function writeCopy(directory: string, entries: readonly Entry[]): void {
  // What describes this boot ended with it by the time a copy is needed.
  const lasting = entries.filter(({ bytes }) => !('boot' in (JSON.parse(textOf(bytes)) as object)));
  const head: Head = { tsnetCopy: 1, records: lasting.length, time: Date.now() };
  const lines = lasting.map(({ key, bytes }) => `${JSON.stringify(key)}\t${textOf(seal(key, bytes))}`);
  const [path, draft] = [copyOf(directory), `${copyOf(directory)}.new`];
  writeFileSync(draft, `${[JSON.stringify(head), ...lines].join('\n')}\n`, { mode: 0o600, flush: true });
  renameSync(draft, path);
  flushDirectory(directory);
}

/** What a copy holds, and when it was written. @throws unavailable if it is damaged; not-found */
export function readCopy(path: string): { readonly entries: Entry[]; readonly time: Date } {
  const [first = '', ...lines] = readLines(path);
  const head = jsonOf(first) as Partial<Head> | undefined;
  if (head?.tsnetCopy !== 1 || typeof head.time !== 'number')
    throw damagedCopy(path, 'its first line is not that of a copy');
  if (lines.length !== head.records)
    throw damagedCopy(path, `it has ${lines.length} records of ${head.records}`);
  const entries = lines.map((line, index) => {
    const tab = line.indexOf('\t');
    const key = jsonOf(line.slice(0, tab));
    const bytes = Array.isArray(key)
      ? unseal(key as unknown as Key, Buffer.from(line.slice(tab + 1)))
      : undefined;
    if (bytes === undefined) throw damagedCopy(path, `its record ${index + 1} is not as it was written`);
    return { key: key as Key, bytes };
  });
  return { entries, time: new Date(head.time) };
}

/** Writes down that a file of a directory was renamed. */
export function flushDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new TsnetError(isMissing ? 'not-found' : 'unavailable', `read copy ${path}: ${String(cause)}`, {
      subject: path,
      cause,
    });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function damagedCopy(path: string, why: string): TsnetError {
  return new TsnetError('unavailable', `read copy ${path}: ${why}`, { subject: path });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
