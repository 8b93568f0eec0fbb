import type { Command } from 'commander';
import { constants } from 'node:os';
import { invalid } from '../../../model/index.ts';
import type { StopOptions } from '../../../run/index.ts';

/** Gives a command the flags of `docker stop`. */
export function addStopFlags(command: Command): Command {
  return command
    .option('-t, --time <seconds>', 'how long they have to end; -1 for any time', '10')
    .option('-s, --signal <signal>', 'what asks them', 'SIGTERM');
}

/** What the flags ask for. @throws invalid-input */
export function readStopOptions(command: Command): StopOptions {
  const { time, signal } = command.opts<{ time: string; signal: string }>();
  return { graceSeconds: parseSeconds(time), signal: parseSignal(signal) };
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
