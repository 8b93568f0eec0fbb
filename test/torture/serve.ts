import { existsSync, rmSync } from 'node:fs';
import { until } from '../support/engine-run.ts';
import type { Outcome, TortureHost } from './torture-host.ts';
import { tsnetCall } from './torture-host.ts';

/** `tsnet serve` on a host. */
export interface Served {
  /** Whether it answers; false once it has ended. */
  readonly isUp: boolean;
  /** Ends it, if it has not ended, and waits until it is gone. */
  end(signal: 'KILL' | 'TERM'): Promise<Outcome>;
}

const socket = '/run/docker/plugins/tsnet.sock';
const patienceMs = 30_000;

/** Where its plugin socket is for who calls it from outside the host. */
export function pluginSocket({ host }: TortureHost): string {
  return host.path(socket);
}

/** Starts the daemon, and waits until it answers or has ended. */
export async function serve(
  host: TortureHost,
  variables: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const paths = [socket, '/run/tsnet/tsnet.sock'].map((path) => host.host.path(path));
  // A daemon that was killed leaves them; whether the next one replaces them is seen by whether it answers.
  for (const path of paths) rmSync(path, { force: true });
  const { words } = tsnetCall('serve', '--log-level', 'error');
  let outcome: Outcome | undefined;
  const ended = host
    .call({ words: ['sh', '-c', 'echo $$ >/run/serve.pid; exec "$@"', 'sh', ...words], env: variables })
    .then((result) => (outcome = result));
  const isSettled = () => outcome !== undefined || paths.every((path) => existsSync(path));
  await until('tsnet serve answers or has ended', isSettled, patienceMs);
  return {
    get isUp() {
      return outcome === undefined;
    },
    async end(signal) {
      if (outcome === undefined) {
        await host.call({ words: ['sh', '-c', `kill -${signal} "$(cat /run/serve.pid)"`] });
      }
      return await ended;
    },
  };
}
