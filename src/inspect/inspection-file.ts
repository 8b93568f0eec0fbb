import { readFileSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { TsnetError } from '../model/index.ts';
import type { Inspection } from './inspection.ts';
import { inspectionSchema } from './inspection-schema.ts';

const schema = 'tsnet.snapshot/1';
/** What belongs to one line of development; another number means another form. */
const family = /^tsnet\.snapshot\/\d+$/;

/** The text of a file that `parseInspection` reads. */
export function formatInspection(inspection: Inspection): string {
  return `${JSON.stringify(inspection)}\n`;
}

/**
 * Writes a file for its owner alone: it tells of every process, address and rule.
 *
 * @throws denied, not-found, kernel
 */
export function saveInspection(inspection: Inspection, path: string): void {
  const text = formatInspection(inspection);
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw fileError('write', path, error);
  }
}

/** Reads what `saveInspection` wrote. @throws invalid-input for any other content, not-found, denied */
export function loadInspection(path: string): Inspection {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError('read', path, error);
  }
  return parseInspection(text, path);
}

/**
 * Reads the text of a saved inspection. Facts that this version does not know are kept.
 *
 * @param source where it comes from, for messages
 * @throws invalid-input that names the first thing that is wrong
 */
export function parseInspection(text: string, source: string): Inspection {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(source, 'it is no JSON', error);
  }
  const found = (value as { readonly schema?: unknown } | null)?.schema;
  if (found !== schema) {
    const isOther = typeof found === 'string' && family.test(found);
    throw wrong(
      source,
      isOther ? `it is in form ${found}, this version reads ${schema}` : 'it is no snapshot',
    );
  }
  const result = v.safeParse(inspectionSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw wrong(source, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  // The schema follows the types; what it leaves open are words that later versions may add to.
  const inspection = value as Inspection;
  const { hostNetns, namespaces } = inspection.snapshot;
  if (!namespaces.some(({ id }) => id === hostNetns)) {
    throw wrong(source, `snapshot.namespaces: the host's ${hostNetns} is missing`);
  }
  return inspection;
}

function wrong(source: string, why: string, cause?: unknown): TsnetError {
  return new TsnetError('invalid-input', `read the snapshot ${source}: ${why}`, {
    subject: source,
    hint: 'make one with: tsnet snapshot -o host.json',
    ...(cause === undefined ? {} : { cause }),
  });
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['ENOTDIR', 'a part of the path is no folder'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'no permission'],
  ['EPERM', 'no permission'],
]);

function fileError(verb: 'read' | 'write', path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return error;
  const kinds = { ENOENT: 'not-found', EACCES: 'denied', EPERM: 'denied', EISDIR: 'invalid-input' } as const;
  const kind = Object.hasOwn(kinds, error.code) ? kinds[error.code as keyof typeof kinds] : 'kernel';
  return new TsnetError(kind, `${verb} the snapshot ${path}: ${reasons.get(error.code) ?? error.code}`, {
    errno: error.code,
    cause: error,
  });
}
