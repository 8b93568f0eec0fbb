import type { Command } from 'commander';
import { HostMap } from '../../../inspect/host-map.ts';
import type { InspectionOptions } from '../../../inspect/read-inspection.ts';
import { optionalFields } from '../../../inspect/views/optional-fields.ts';
import { printable, toTsnetError } from '../../../model/index.ts';
import { compileTemplate } from '../go-template/render.ts';
import { printJson, toJson } from '../print.ts';
import { inspectFlags, openInspection, printGaps, type InspectFlags } from './open-inspection.ts';
import { printableDeep, terminalScreen, type Screen } from './screen.ts';
import { watchHost } from './watch-host.ts';

/** A question to the inspector and the forms that its answer has. */
export interface Question<Answer> {
  /** What has to be read of the host for it. */
  readonly reads: InspectionOptions;
  readonly ask: (map: HostMap) => Answer;
  /** What a person reads. All texts of the answer are fit for a terminal by then. */
  readonly lines: (answer: Answer, screen: Screen) => readonly string[];
  /** What a template is applied to, one after the other; default: the answer itself. */
  readonly items?: (answer: Answer) => readonly unknown[];
  /** What `--quiet` prints. */
  readonly names?: (answer: Answer) => readonly string[];
}

/**
 * Asks and prints, once or with `--watch` at every change.
 *
 * @throws as the question and the readers; invalid-input for flags and templates
 */
export async function answer<Answer>(command: Command, question: Question<Answer>): Promise<void> {
  const flags = inspectFlags(command);
  const write = writerOf(flags, question);
  if (flags.watch !== true) return await askOnce(command, flags, question, write);
  let before = '';
  await watchHost(async () => {
    const text = await askText(command, flags, question, write);
    if (text === before) return;
    before = text;
    const isScreen = process.stdout.isTTY && flags.json !== true;
    process.stdout.write(isScreen ? `${clearScreen}${text}` : text);
  });
}

/** Cursor home and erase to the end. Source: ECMA-48 CUP, ED. */
export const clearScreen = '\u001b[H\u001b[2J';

type Writer<Answer> = (answer: Answer) => string;

async function askOnce<Answer>(
  command: Command,
  flags: InspectFlags,
  question: Question<Answer>,
  write: Writer<Answer>,
): Promise<void> {
  const inspection = await openInspection(command, question.reads);
  const found = question.ask(new HostMap(inspection));
  if (flags.json === true) printJson(found);
  else process.stdout.write(write(found));
  printGaps(inspection);
}

async function askText<Answer>(
  command: Command,
  flags: InspectFlags,
  question: Question<Answer>,
  write: Writer<Answer>,
): Promise<string> {
  const map = new HostMap(await openInspection(command, question.reads));
  try {
    return write(question.ask(map));
  } catch (error) {
    // What is watched may come and go.
    const { kind, message } = toTsnetError(error);
    if (kind === 'bug') throw error;
    return flags.json === true ? `${toJson({ error: { kind, message } })}\n` : `${printable(message)}\n`;
  }
}

function writerOf<Answer>(flags: InspectFlags, question: Question<Answer>): Writer<Answer> {
  const { lines, items, names } = question;
  if (flags.quiet === true && names !== undefined) {
    return (found) =>
      names(found)
        .map((name) => `${printable(name)}\n`)
        .join('');
  }
  if (flags.format !== undefined) {
    const template = compileTemplate(flags.format, optionalFields);
    return (found) => (items?.(found) ?? [found]).map((item) => `${template(item)}\n`).join('');
  }
  if (flags.json === true) return (found) => `${toJson(found)}\n`;
  return (found) =>
    lines(printableDeep(found), terminalScreen())
      .map((line) => `${line}\n`)
      .join('');
}
