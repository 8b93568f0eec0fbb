import type { Command } from 'commander';
import { complete } from '../completion/complete.ts';
import { namesOf, type RecordedNames } from '../completion/names.ts';
import { scripts, type Shell } from '../completion/scripts.ts';
import { openRecords } from '../open-view.ts';

/** `tsnet completion SHELL`: prints the script that the shell sources. */
export function printScript(shell: Shell): void {
  process.stdout.write(scripts[shell]);
}

/** `tsnet __complete WORDS`: what the scripts ask, one candidate a line with its description behind a tab. */
export async function printCandidates(command: Command, line: string): Promise<void> {
  const words = line.split('\n').map((word) => word.slice(1));
  const { candidates, names } = complete(rootOf(command), words);
  const last = words.at(-1) ?? '';
  const named = names === undefined ? [] : await namesOf(names, () => readRecorded(command));
  const lines = [
    ...candidates.map(({ word, description }) => `${word}\t${description}`),
    ...named.filter((name) => name.startsWith(last)).map((name) => `${name}\t${names}`),
  ];
  process.stdout.write(lines.map((one) => `${one}\n`).join(''));
}

function readRecorded(command: Command): RecordedNames {
  using state = openRecords(command);
  return state.read((view) => ({
    networks: view.networks().flatMap(({ name }) => name ?? []),
    sandboxes: view.sandboxes().map(({ name }) => name),
  }));
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
