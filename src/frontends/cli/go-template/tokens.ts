import { TsnetError } from '../../../model/index.ts';

/** A piece of a template: text to print as it is, or the inside of `{{…}}` in words. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly words: readonly Word[] };

/**
 * A word of an action. `field` holds the names behind the dots: none for `.` alone. `member` is a field of what the
 * parentheses right before it give.
 */
export type Word =
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'member'; readonly path: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'value'; readonly value: string | number | boolean | undefined }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'sign'; readonly sign: '(' | ')' | '|' | ':=' | ',' };

const wordPattern =
  /\s*(?:(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<number>-?\d+(?:\.\d+)?)|(?<variable>\$[A-Za-z_0-9]*(?:\.[A-Za-z_]\w*)*)|(?<field>(?:\.[A-Za-z_]\w*)+|\.)|(?<name>[A-Za-z_]\w*)|(?<sign>:=|[()|,]))/y;

/** Cuts a template into texts and actions. @throws invalid-input */
export function cutTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimsNext = false;
  const addText = (raw: string, trimsEnd: boolean): void => {
    let text = raw;
    if (trimsNext) text = text.trimStart();
    if (trimsEnd) text = text.trimEnd();
    // A shell passes these two as they are written, and users of docker rely on them.
    text = text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
    if (text !== '') pieces.push({ kind: 'text', text });
  };
  for (;;) {
    const open = template.indexOf('{{', at);
    if (open === -1) break;
    const close = endOfAction(template, open + 2);
    let inside = template.slice(open + 2, close);
    const trimsBefore = /^-\s/.test(inside);
    addText(template.slice(at, open), trimsBefore);
    trimsNext = /\s-$/.test(inside);
    if (trimsBefore) inside = inside.slice(1);
    if (trimsNext) inside = inside.slice(0, -1);
    if (!inside.trim().startsWith('/*')) pieces.push({ kind: 'action', words: wordsOf(inside) });
    at = close + 2;
  }
  addText(template.slice(at), false);
  return pieces;
}

/** Braces inside a string do not end an action. */
function endOfAction(template: string, from: number): number {
  const pattern = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\}\}/g;
  pattern.lastIndex = from;
  for (let match = pattern.exec(template); match !== null; match = pattern.exec(template)) {
    if (match[0] === '}}') return match.index;
  }
  throw templateError(`'{{' at character ${from - 1} is not closed`);
}

function wordsOf(inside: string): Word[] {
  const words: Word[] = [];
  const text = inside.trimEnd();
  let at = 0;
  while (at < text.length) {
    wordPattern.lastIndex = at;
    const match = wordPattern.exec(text);
    if (match?.groups === undefined) {
      throw templateError(`'${text.slice(at).trim()}' is not understood`);
    }
    const word = wordOf(match.groups);
    const before = words.at(-1);
    const isMember = before?.kind === 'sign' && before.sign === ')' && match[0].startsWith('.');
    words.push(word.kind === 'field' && isMember ? { ...word, kind: 'member' } : word);
    at = wordPattern.lastIndex;
  }
  return words;
}

function wordOf({
  string,
  number,
  variable,
  field,
  name = '',
  sign,
}: Record<string, string | undefined>): Word {
  if (string !== undefined) return { kind: 'value', value: readString(string) };
  if (number !== undefined) return { kind: 'value', value: Number(number) };
  if (variable !== undefined) {
    const [first = '$', ...path] = variable.split('.');
    return { kind: 'variable', name: first, path };
  }
  if (field !== undefined) return { kind: 'field', path: field.split('.').filter((part) => part !== '') };
  if (sign !== undefined) return { kind: 'sign', sign: sign as '(' };
  if (name === 'true' || name === 'false') return { kind: 'value', value: name === 'true' };
  if (name === 'nil') return { kind: 'value', value: undefined };
  return { kind: 'name', name };
}

function readString(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal.replaceAll('\t', '\\t')) as string;
  } catch {
    throw templateError(`the string ${literal} has an escape that is not understood`);
  }
}

/** The error for a template that can't be used. */
export function templateError(reason: string): TsnetError {
  return new TsnetError('invalid-input', `--format: ${reason}`, {
    subject: '--format',
    hint: "a Go template such as '{{.Container}}\\t{{.HostVeth}}'; --json shows all fields",
  });
}
