import type { Command } from 'commander';
import { constants } from 'node:os';
import { invalid } from '../../../model/index.ts';
import { openContext } from '../../../network/index.ts';
import { stopSandbox, type StopOptions } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet stop [-t SECONDS] [-s SIGNAL] SANDBOX…` */
export async function stop(command: Command, names: readonly string[]): Promise<void> {
  const flags = command.opts<{ time: string; signal: string }>();
  const options: StopOptions = {
    graceSeconds: parseSeconds(flags.time),
    signal: parseSignal(flags.signal),
  };
  using context = await openContext(readSettings(command), createLogger('warn'));
  const stopped = [];
  for (const name of names) {
    const { id, name: known } = await stopSandbox(context, name, options);
    stopped.push({ id, name: known });
    if (!wantsJson(command)) process.stdout.write(`${name}\n`);
  }
  await context.linkRemoval.idle();
  if (wantsJson(command)) printJson(stopped);
}

function parseSeconds(text: string): number {
  if (/^-?\d{1,6}$/.test(text)) return Number(text);
  throw invalid('--time', text, 'a number of seconds; -1 to wait for ever');
}

function parseSignal(text: string): NodeJS.Signals {
  const signals = Object.entries(constants.signals);
  const upper = text.toUpperCase();
  const found = signals.find(([name, number]) => [name, name.slice(3), String(number)].includes(upper));
  if (found === undefined) throw invalid('--signal', text, 'the name or number of a signal, such as SIGTERM');
  return found[0] as NodeJS.Signals;
}
