import { printableDeep } from '../inspect/screen.ts';
import { functions, isTrue, textFunctions, textOf } from './functions.ts';
import { parseTemplate, type Node, type Operand, type Pipeline } from './parse.ts';
import { templateError } from './tokens.ts';

/** A template that was read: gives the text for a value. */
export type Template = (value: unknown) => string;

/** A value, and whether it is text of the template itself: what came from outside must not steer a terminal. */
interface Result {
  readonly value: unknown;
  readonly isText: boolean;
}

/** Variables by name, those of inner blocks above those of outer ones. */
type Scope = ReadonlyMap<string, unknown>;

/**
 * Reads a template as `docker inspect --format` takes them: fields, `if`, `range`, `with`, variables, pipes and the
 * functions of `functions.ts`. `.HostVeth` finds the field `hostVeth`. A field that no such answer has is an error; one
 * that only this answer lacks is empty.
 *
 * @param optional fields that an answer may lack
 * @throws invalid-input for a template that can't be read; so does the template for a field that is not known
 */
export function compileTemplate(template: string, optional: ReadonlySet<string>): Template {
  const nodes = parseTemplate(template);
  const optionalKeys = new Set([...optional].map(plain));
  return (value) => new Rendering(optionalKeys).run(nodes, value, new Map([['$', value]]));
}

class Rendering {
  readonly #optional: ReadonlySet<string>;

  constructor(optional: ReadonlySet<string>) {
    this.#optional = optional;
  }

  run(nodes: readonly Node[], dot: unknown, outer: Scope): string {
    const scope = new Map(outer);
    return nodes.map((node) => this.#render(node, dot, scope)).join('');
  }

  #render(node: Node, dot: unknown, scope: Map<string, unknown>): string {
    if (node.kind === 'text') return node.text;
    const result = this.#pipeline(node.pipeline, dot, scope);
    const { value } = result;
    const [first, second] = node.pipeline.variables;
    switch (node.kind) {
      case 'print':
        if (first === undefined) return textOf(shown(result));
        scope.set(first, value);
        return '';
      case 'if':
      case 'with': {
        const inner = first === undefined ? scope : new Map([...scope, [first, value]]);
        if (!isTrue(value)) return this.run(node.otherwise, dot, inner);
        return this.run(node.body, node.kind === 'with' ? value : dot, inner);
      }
      case 'range': {
        const entries = entriesOf(value);
        if (entries.length === 0) return this.run(node.otherwise, dot, scope);
        return entries
          .map(([key, element]) => {
            const inner = new Map(scope);
            if (first !== undefined) inner.set(first, second === undefined ? element : key);
            if (second !== undefined) inner.set(second, element);
            return this.run(node.body, element, inner);
          })
          .join('');
      }
    }
  }

  #pipeline({ commands }: Pipeline, dot: unknown, scope: Scope): Result {
    let result: Result = { value: undefined, isText: true };
    for (const [position, [first, ...rest]] of commands.entries()) {
      if (first === undefined) continue;
      const given = rest.map((operand) => this.#operand(operand, dot, scope));
      const results = position === 0 ? given : [...given, result];
      if (first.kind === 'name') result = call(first.name, results);
      else if (results.length > 0) throw templateError('only a function can take a value');
      else result = this.#operand(first, dot, scope);
    }
    return result;
  }

  #operand(operand: Operand, dot: unknown, scope: Scope): Result {
    switch (operand.kind) {
      case 'value':
        return { value: operand.value, isText: true };
      case 'field':
        return { value: this.#follow(dot, operand.path), isText: false };
      case 'variable':
        if (!scope.has(operand.name)) throw templateError(`the variable ${operand.name} was not set`);
        return { value: this.#follow(scope.get(operand.name), operand.path), isText: false };
      case 'name':
        return call(operand.name, []);
      case 'group':
        return this.#group(this.#pipeline(operand.pipeline, dot, scope), operand.path);
    }
  }

  #group(result: Result, path: readonly string[]): Result {
    return path.length === 0 ? result : { value: this.#follow(result.value, path), isText: false };
  }

  #follow(start: unknown, path: readonly string[]): unknown {
    let value = start;
    for (const name of path) {
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'object' || Array.isArray(value)) {
        const what = Array.isArray(value) ? 'a list; use range or index' : 'no object';
        throw templateError(`.${name} can't be read: what stands before it is ${what}`);
      }
      const key = keyOf(value, name);
      if (key === undefined && !this.#optional.has(plain(name))) {
        throw templateError(`there is no field .${name}; there are ${fieldsOf(value)}`);
      }
      value = key === undefined ? undefined : (value as Readonly<Record<string, unknown>>)[key];
    }
    return value;
  }
}

function call(name: string, results: readonly Result[]): Result {
  const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (known === undefined) {
    throw templateError(`there is no function ${name}; there are ${Object.keys(functions).join(', ')}`);
  }
  const makesText = textFunctions.has(name);
  const value = known(...results.map((result) => (makesText ? shown(result) : result.value)));
  // JSON writes such characters as escapes.
  return { value, isText: makesText || name === 'json' };
}

function shown({ value, isText }: Result): unknown {
  return isText ? value : printableDeep(value);
}

/** The field as it is written, else in any letter case: `.ID` and `.Id` are `id`. */
function keyOf(value: object, name: string): string | undefined {
  if (Object.hasOwn(value, name)) return name;
  return Object.keys(value).find((key) => plain(key) === plain(name));
}

function plain(name: string): string {
  return name.toLowerCase();
}

function fieldsOf(value: object): string {
  return Object.keys(value)
    .map((key) => `.${key.slice(0, 1).toUpperCase()}${key.slice(1)}`)
    .join(' ');
}

function entriesOf(value: unknown): (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
}
