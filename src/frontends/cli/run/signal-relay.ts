import { readFileSync } from 'node:fs';
import type { Launch } from '../../../run/index.ts';

/** What is passed on to the command. */
const passed: readonly NodeJS.Signals[] = [
  'SIGTERM',
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
];

/** Signals of who called us, for as long as this is not disposed of: kept until there is a command, then passed on. */
export class SignalRelay implements Disposable {
  #launch: Launch | undefined;
  #early: NodeJS.Signals | undefined;
  readonly #listener = (signal: NodeJS.Signals): void => {
    if (this.#launch === undefined) this.#early ??= signal === 'SIGWINCH' ? undefined : signal;
    else if (!comesFromTerminal(signal)) this.#launch.signal(signal);
  };

  constructor() {
    for (const signal of passed) process.on(signal, this.#listener);
  }

  /** What came before there was a command. */
  get early(): NodeJS.Signals | undefined {
    return this.#early;
  }

  /** From now on signals go to the command. */
  lead(launch: Launch): void {
    this.#launch = launch;
    if (this.#early !== undefined) launch.signal(this.#early);
  }

  [Symbol.dispose](): void {
    for (const signal of passed) process.off(signal, this.#listener);
  }
}

/** A terminal sends what its keys stand for to every process in its foreground, so the command has it as well. */
function comesFromTerminal(signal: NodeJS.Signals): boolean {
  if (signal !== 'SIGINT' && signal !== 'SIGQUIT' && signal !== 'SIGWINCH') return false;
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // Source: proc_pid_stat(5): behind the name, state, ppid, pgrp, session, tty_nr, tpgid.
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return terminal !== '0' && group === foreground;
}
