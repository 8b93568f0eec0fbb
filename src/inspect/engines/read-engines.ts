import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineView } from './container-view.ts';
import { readContainerd } from './containerd.ts';
import { EngineNotAsked, isEngineNamed, socketPath } from './docker-api.ts';
import { readEngine, type EngineAnswer } from './read-engine.ts';
import { reasonOf, silenceOf } from './silence.ts';

/** What the engines of this host say, and which of them said nothing. */
export interface Engines {
  readonly engines: readonly EngineView[];
  readonly gaps: readonly { readonly what: string; readonly why: string }[];
}

const timeoutMs = 1_000;

/** Where engines are looked for. */
export interface EnginePlaces {
  readonly sockets: readonly string[];
  /** Folders in which containerd keeps its state, that of k3s too. */
  readonly containerdStates: readonly string[];
}

/**
 * Asks every engine of this host at the same time, one second at most. An engine that is not installed is not
 * missing; one that is there and does not answer is a gap.
 *
 * Podman is asked through its Docker-compatible service, and of containerd the files are read. CRI-O is not asked: its
 * containers are known by the names of their control groups alone.
 */
export async function readEngines(
  signal?: AbortSignal,
  places: EnginePlaces = placesOfHost(),
): Promise<Engines> {
  const answers = await Promise.all(existing(places.sockets).map((socket) => answerOf(socket, signal)));
  const all = [...answers, ...places.containerdStates.map(containerdAnswer)];
  return {
    engines: all.flatMap(({ engine }) => engine ?? []),
    gaps: [...unasked(places), ...all.flatMap(({ gaps }) => gaps)],
  };
}

/** Whether there is a socket to ask at. */
export function hasEngines(): boolean {
  return existing(placesOfHost().sockets).length > 0;
}

function placesOfHost(): EnginePlaces {
  const session = process.env['XDG_RUNTIME_DIR'];
  return {
    sockets: [
      ...namedSocket(),
      '/run/podman/podman.sock',
      ...(session === undefined ? [] : [join(session, 'podman/podman.sock'), join(session, 'docker.sock')]),
    ],
    containerdStates: ['/run/containerd', '/run/k3s/containerd'],
  };
}

function namedSocket(): string[] {
  try {
    return [socketPath()];
  } catch (error) {
    if (error instanceof EngineNotAsked) return [];
    throw error;
  }
}

/** The engine that `DOCKER_HOST` means, where it can't be asked or is not there. */
function unasked({ sockets }: EnginePlaces): Engines['gaps'] {
  try {
    const socket = socketPath();
    if (!isEngineNamed() || !sockets.includes(socket) || existsSync(socket)) return [];
    return [{ what: `engine at ${socket}`, why: reasonOf(missing, timeoutMs) }];
  } catch (error) {
    return [silenceOf(error, timeoutMs) ?? []].flat();
  }
}

const missing = Object.assign(new Error('missing'), { code: 'ENOENT' });

/** Sockets that exist, each once: a package lets Docker's name lead to Podman. */
function existing(candidates: readonly string[]): string[] {
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
    return { gaps: [{ what: `engine at ${socket}`, why: reasonOf(error, timeoutMs) }] };
  }
}

function containerdAnswer(state: string): Answer {
  try {
    const engine = readContainerd(state);
    return { ...(engine === undefined ? {} : { engine }), gaps: [] };
  } catch (error) {
    return { gaps: [{ what: 'containerd: names of containers', why: reasonOf(error, timeoutMs) }] };
  }
}
