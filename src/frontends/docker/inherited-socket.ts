import { fstatSync } from 'node:fs';
import { invalid } from '../../model/index.ts';

/** The first descriptor that is handed over. Source: sd_listen_fds(3), SD_LISTEN_FDS_START. */
const firstDescriptor = 3;

/**
 * The listening socket that systemd, or another parent that speaks its protocol, opened for this process: its
 * descriptor, or undefined when there is none. Asked once: programs that are started later must not take it for
 * theirs, so the variables go.
 *
 * Source: sd_listen_fds(3).
 *
 * @throws invalid-input when there is not exactly one, or it is no socket
 */
export function takeInheritedSocket(environment: NodeJS.ProcessEnv = process.env): number | undefined {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  // The variables may be meant for a parent that did not remove them.
  if (pid !== String(process.pid) || count === undefined) return undefined;
  if (count !== '1') throw invalid('LISTEN_FDS', count, '1: a single listening socket');
  if (!isSocket(firstDescriptor)) throw invalid('LISTEN_FDS', count, 'a socket as descriptor 3');
  return firstDescriptor;
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}
