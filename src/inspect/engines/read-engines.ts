import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineView } from './container-view.ts';
import { readContainerd } from './containerd.ts';
import { EngineRefusal, socketPath } from './docker-api.ts';
import { readEngine, type EngineAnswer } from './read-engine.ts';

/** What the engines of this host say, and which of them said nothing. */
export interface Engines {
  readonly engines: readonly EngineView[];
  readonly gaps: readonly { readonly what: string; readonly why: string }[];
}

const timeoutMs = 1_000;

/** Where Podman keeps what it knows; the service that answers questions about it is seldom on. */
const podmanState = ['/run/libpod', '/var/lib/containers/storage/libpod'];
/** Where containerd keeps its state, that of k3s too. */
const containerdStates = ['/run/containerd', '/run/k3s/containerd'];

/**
 * Asks every engine of this host at the same time, one second at most. An engine that is not installed is not
 * missing; one that is there and does not answer is a gap.
 *
 * Podman is asked through its Docker-compatible service, and of containerd the files are read. CRI-O is not asked: its
 * containers are known by the names of their control groups alone.
 */
export async function readEngines(signal?: AbortSignal): Promise<Engines> {
  const answers = await Promise.all(sockets().map((socket) => answerOf(socket, signal)));
  const all = [...answers, ...containerdStates.map(containerdAnswer)];
  const engines = all.flatMap(({ engine }) => engine ?? []);
  return { engines, gaps: [...all.flatMap(({ gaps }) => gaps), ...silentEngines(engines)] };
}

/** Whether there is a socket to ask at. */
export function hasEngines(): boolean {
  return sockets().length > 0;
}

/** Sockets that exist, each once: a package lets Docker's name lead to Podman. */
function sockets(): string[] {
  const session = process.env['XDG_RUNTIME_DIR'];
  const candidates = [
    socketPath(),
    '/run/podman/podman.sock',
    ...(session === undefined ? [] : [join(session, 'podman/podman.sock'), join(session, 'docker.sock')]),
  ];
  const seen = new Set<string>();
  return candidates.filter((path) => {
    const real = realPathOf(path);
    if (real === undefined) return false;
    if (seen.has(real)) return false;
    seen.add(real);
    return true;
  });
}

/** One that may not be looked at is there for all we know: asking it tells why it can't be asked. */
function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : path;
  }
}

type Answer = Partial<Pick<EngineAnswer, 'engine'>> & Pick<EngineAnswer, 'gaps'>;

async function answerOf(socket: string, signal: AbortSignal | undefined): Promise<Answer> {
  try {
    return await readEngine(socket, timeoutMs, signal);
  } catch (error) {
    return { gaps: [{ what: `engine at ${socket}`, why: reasonOf(error) }] };
  }
}

function containerdAnswer(state: string): Answer {
  try {
    const engine = readContainerd(state);
    return { ...(engine === undefined ? {} : { engine }), gaps: [] };
  } catch (error) {
    return { gaps: [{ what: 'containerd: names of containers', why: reasonOf(error) }] };
  }
}

function reasonOf(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to ask it';
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  if (name === 'TimeoutError' || name === 'AbortError' || code === 'ABORT_ERR')
    return `no answer within ${timeoutMs} ms`;
  if (error instanceof EngineRefusal) return `it refused: ${message}`;
  return error instanceof SyntaxError || error instanceof TypeError
    ? 'it does not answer as an engine does'
    : message;
}

function silentEngines(engines: readonly EngineView[]): Engines['gaps'] {
  const isPodmanThere = podmanState.some((path) => existsSync(path));
  if (!isPodmanThere || engines.some(({ kind }) => kind === 'podman')) return [];
  return [
    {
      what: 'podman: names of containers and networks',
      why: 'its service is off (systemctl start podman.socket)',
    },
  ];
}
