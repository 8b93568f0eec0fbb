import type { Command, Option } from 'commander';

/** Commands that execute another, and how many words stand before that one. */
const wrappers: Readonly<Record<string, number>> = { run: 0, exec: 1 };

/**
 * Puts `--` before the command that `run` and `exec` execute, so that its options stay its own although ours may stand
 * anywhere else.
 *
 * @param words what stands behind the program's name
 */
export function separateCommand(program: Command, words: readonly string[]): readonly string[] {
  let command = program;
  let left = Number.POSITIVE_INFINITY;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') return words;
    if (word.startsWith('-') && word !== '-') {
      if (takesNext([...command.options, ...program.options], word)) index += 1;
    } else if (command === program) {
      const next = program.commands.find((one) => one.name() === word);
      const before = next === undefined ? undefined : wrappers[next.name()];
      if (next === undefined || before === undefined) return words;
      command = next;
      left = before;
    } else if (left > 0) left -= 1;
    else return [...words.slice(0, index), '--', ...words.slice(index)];
  }
  return words;
}

/** Whether these words call a command that executes another, whose exit status is then ours. */
export function wrapsCommand(program: Command, words: readonly string[]): boolean {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) return Object.hasOwn(wrappers, word);
    if (takesNext(program.options, word)) index += 1;
  }
  return false;
}

/** `--name web` and `-p 80` take the next word; `--name=web`, `-p80` and `-it` do not. */
function takesNext(options: readonly Option[], word: string): boolean {
  if (word.startsWith('--')) return options.find(({ long }) => long === word)?.required === true;
  // Flags may stand together; the last one may take a value, and one before it takes the rest for its own.
  for (const [position, letter] of Array.from(word.slice(1)).entries()) {
    const option = options.find(({ short }) => short === `-${letter}`);
    if (option?.required === true) return position === word.length - 2;
  }
  return false;
}
