import { readFileSync } from 'node:fs';

/** Tells one process from every other of the same boot: a process id alone is given again to somebody else. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process. */
  readonly startTime: string;
}

let own: ProcessIdentity | undefined;

/** The process that asks. */
export function thisProcess(): ProcessIdentity {
  own ??= { pid: process.pid, startTime: readStat(process.pid)?.startTime ?? '' };
  return own;
}

/** Whether that process is still there. One that ended and was not waited for yet is not. */
export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTime === startTime && !'ZXx'.includes(stat.state);
}

/** Source: proc_pid_stat(5): the name, in parentheses, may hold spaces and parentheses; state is field 3, start time 22. */
function readStat(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}
