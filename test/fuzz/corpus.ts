import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';

const fixtures = join(import.meta.dirname, '../fixtures');

/** One input that is kept: a seed, or what was once answered wrongly. */
export interface Kept {
  readonly file: string;
  /** Of a file `.hex` the bytes it writes in hexadecimal, else those of the file. */
  readonly bytes: Buffer;
}

/** The kept inputs of one kind, by name of file; none where there is no folder. */
export function readCorpus(input: string): Kept[] {
  const folder = join(fixtures, 'fuzz', input);
  let files: string[];
  try {
    files = readdirSync(folder).sort();
  } catch {
    return [];
  }
  return files.map((file) => {
    const content = readFileSync(join(folder, file));
    const bytes = file.endsWith('.hex')
      ? Buffer.from(content.toString().replaceAll(/\s/g, ''), 'hex')
      : content;
    return { file, bytes };
  });
}

/** Other recordings of the tests, each line or file one document. */
export function readRecordings(folder: string, pattern: RegExp): string[] {
  const place = join(fixtures, folder);
  return readdirSync(place)
    .filter((file) => pattern.test(file))
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(place, file), 'utf8');
      return file.endsWith('.jsonl') ? text.split('\n').filter((line) => line !== '') : [text];
    });
}

/** Keeps an input that was answered wrongly; it is tried first from then on. @returns where */
export function keep(input: string, bytes: Buffer, isText: boolean): string {
  const folder = join(fixtures, 'fuzz', input);
  const name = `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`;
  const path = join(folder, `${name}.${isText ? 'txt' : 'hex'}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, isText ? bytes : `${bytes.toString('hex').replaceAll(/.{96}/g, '$&\n')}\n`);
  return path;
}
