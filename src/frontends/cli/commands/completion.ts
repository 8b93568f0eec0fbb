import type { Command } from 'commander';
import { complete } from '../completion/complete.ts';
import { namesOf } from '../completion/names.ts';
import { scripts, type Shell } from '../completion/scripts.ts';

/** `tsnet completion SHELL`: prints the script that the shell sources. */
export function printScript(shell: Shell): void {
  process.stdout.write(scripts[shell]);
}

/** `tsnet __complete WORDS`: what the scripts ask, one candidate a line with its description behind a tab. */
export async function printCandidates(command: Command, line: string): Promise<void> {
  const words = line.split('\n').map((word) => word.slice(1));
  const { candidates, names } = complete(rootOf(command), words);
  const last = words.at(-1) ?? '';
  const named = names === undefined ? [] : await namesOf(names);
  const lines = [
    ...candidates.map(({ word, description }) => `${word}\t${description}`),
    ...named.filter((name) => name.startsWith(last)).map((name) => `${name}\t${names}`),
  ];
  process.stdout.write(lines.map((one) => `${one}\n`).join(''));
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
