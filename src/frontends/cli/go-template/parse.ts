import { cutTemplate, templateError, type Word } from './tokens.ts';

/** A part of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

/** Commands of which each takes the value of the one before as its last argument. */
export interface Pipeline {
  /** Variables that are set to its value: one, or in a `range` index and element. */
  readonly variables: readonly string[];
  readonly commands: readonly (readonly Operand[])[];
}

/** A word with a value, or a pipeline in parentheses. */
export type Operand =
  | Exclude<Word, { kind: 'sign' | 'field' | 'member' }>
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'group'; readonly pipeline: Pipeline; readonly path: readonly string[] };

const blocks: ReadonlySet<string> = new Set(['if', 'with', 'range']);

/** Reads a template. @throws invalid-input */
export function parseTemplate(template: string): Node[] {
  const pieces = cutTemplate(template);
  let at = 0;
  const parseList = (isInside: boolean): { nodes: Node[]; end: readonly Word[] } => {
    const nodes: Node[] = [];
    for (;;) {
      const piece = pieces[at++];
      if (piece === undefined) {
        if (isInside) throw templateError("'{{end}}' is missing");
        return { nodes, end: [] };
      }
      if (piece.kind === 'text') {
        nodes.push(piece);
        continue;
      }
      const [first] = piece.words;
      const name = first?.kind === 'name' ? first.name : undefined;
      if (name === 'end' || name === 'else') {
        if (!isInside) throw templateError(`'{{${name}}}' stands without 'if', 'range' or 'with'`);
        return { nodes, end: piece.words };
      }
      if (name !== undefined && blocks.has(name)) nodes.push(parseBlock(name as 'if', piece.words.slice(1)));
      else nodes.push({ kind: 'print', pipeline: parsePipeline(piece.words) });
    }
  };
  const parseBlock = (kind: 'if' | 'with' | 'range', words: readonly Word[]): Node => {
    const pipeline = parsePipeline(words);
    const { nodes: body, end } = parseList(true);
    const [first, second] = end;
    if (first?.kind !== 'name' || first.name === 'end') return { kind, pipeline, body, otherwise: [] };
    if (second?.kind === 'name' && (second.name === 'if' || second.name === 'with')) {
      return { kind, pipeline, body, otherwise: [parseBlock(second.name, end.slice(2))] };
    }
    const rest = parseList(true);
    if (rest.end[0]?.kind === 'name' && rest.end[0].name === 'else')
      throw templateError("'{{else}}' stands twice");
    return { kind, pipeline, body, otherwise: rest.nodes };
  };
  return parseList(false).nodes;
}

function parsePipeline(words: readonly Word[]): Pipeline {
  const assign = words.findIndex((word) => word.kind === 'sign' && word.sign === ':=');
  const variables = words
    .slice(0, Math.max(assign, 0))
    .flatMap((word) => (word.kind === 'variable' && word.path.length === 0 ? [word.name] : []));
  if (assign !== -1 && (variables.length === 0 || variables.length > 2)) {
    throw templateError("before ':=' one or two variables such as $name must stand");
  }
  const rest = words.slice(assign + 1);
  const commands: Operand[][] = [[]];
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at];
    if (word === undefined) break;
    if (word.kind === 'field' || word.kind === 'member') {
      commands.at(-1)?.push({ kind: 'field', path: word.path });
    } else if (word.kind !== 'sign') commands.at(-1)?.push(word);
    else if (word.sign === '|') commands.push([]);
    else if (word.sign === '(') {
      const end = closing(rest, at);
      const next = rest[end + 1];
      const path = next?.kind === 'member' ? next.path : [];
      commands.at(-1)?.push({ kind: 'group', pipeline: parsePipeline(rest.slice(at + 1, end)), path });
      at = next?.kind === 'member' ? end + 1 : end;
    } else throw templateError(`'${word.sign}' stands where nothing opened it`);
  }
  if (commands.some((command) => command.length === 0)) throw templateError('an action is empty');
  return { variables, commands };
}

function closing(words: readonly Word[], open: number): number {
  let depth = 0;
  for (let at = open; at < words.length; at++) {
    const word = words[at];
    if (word?.kind !== 'sign') continue;
    if (word.sign === '(') depth += 1;
    if (word.sign === ')' && --depth === 0) return at;
  }
  throw templateError("'(' is not closed");
}
