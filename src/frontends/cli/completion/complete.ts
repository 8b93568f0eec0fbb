import type { Command, Option } from 'commander';

/** What a shell offers for the word that is being written. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** What has names of its own, which only the host can tell. */
export type NameKind = 'container' | 'sandbox' | 'network' | 'bridge' | 'veth';

/** What may stand in place of the last word. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names of which things fit as well. */
  readonly names?: NameKind;
}

const kinds: ReadonlySet<string> = new Set<NameKind>(['container', 'sandbox', 'network', 'bridge', 'veth']);

/**
 * Completes a command line from the commands as they are defined: an argument that is called `container`, or the value of
 * an option that is, takes names of containers.
 *
 * @param words what stands behind the program's name; the last one is being written and may be empty
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const last = words.at(-1) ?? '';
  let command = program;
  let positionals = 0;
  let open: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (open !== undefined) open = undefined;
    else if (word.startsWith('-')) open = valueOption(command, word);
    else {
      const next = positionals === 0 ? subcommand(command, word) : undefined;
      if (next === undefined) positionals += 1;
      else command = next;
    }
  }
  if (open !== undefined) return { ...fitting(choices(open), last), ...namesFor(valueName(open)) };
  if (last.startsWith('-')) return fitting(optionsOf(command).flatMap(optionCandidates), last);
  const commands = positionals === 0 ? command.commands.filter((one) => !isHidden(one)) : [];
  const argument = command.registeredArguments[positionals] ?? lastVariadic(command);
  const found = fitting(
    commands.map((one) => ({ word: one.name(), description: one.description() })),
    last,
  );
  const name = argument?.name() ?? '';
  const chosen = (argument?.argChoices ?? []).map((word) => ({ word, description: '' }));
  return {
    candidates: [...found.candidates, ...fitting(chosen, last).candidates],
    ...namesFor(name),
  };
}

function namesFor(word: string): { readonly names?: NameKind } {
  return kinds.has(word) ? { names: word as NameKind } : {};
}

/** What an option calls its value: `network` in `--network <network>`. */
function valueName({ flags }: Option): string {
  return /<([^>.]+)/.exec(flags)?.[1] ?? '';
}

function fitting(candidates: readonly Candidate[], last: string): Completion {
  return { candidates: candidates.filter(({ word }) => word.startsWith(last)) };
}

function subcommand(command: Command, word: string): Command | undefined {
  return command.commands.find((one) => one.name() === word || one.aliases().includes(word));
}

/** Commander keeps it to itself. */
function isHidden(command: Command): boolean {
  return '_hidden' in command && command._hidden === true;
}

function lastVariadic(command: Command): Command['registeredArguments'][number] | undefined {
  const last = command.registeredArguments.at(-1);
  return last?.variadic === true ? last : undefined;
}

/** The command's own and those of the commands above, which hold for it as well. */
function optionsOf(command: Command): Option[] {
  const above = command.parent === null ? [] : optionsOf(command.parent);
  return [...command.options.filter(({ hidden }) => !hidden), ...above];
}

function valueOption(command: Command, word: string): Option | undefined {
  const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
  return option?.required === true ? option : undefined;
}

function optionCandidates({ long, description }: Option): Candidate[] {
  return long === undefined || long === null ? [] : [{ word: long, description }];
}

function choices({ argChoices }: Option): Candidate[] {
  return (argChoices ?? []).map((word) => ({ word, description: '' }));
}
