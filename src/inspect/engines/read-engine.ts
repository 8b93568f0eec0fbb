import { shaped, type answerShapes } from './answer-shapes.ts';
import { askEngine, EngineRefusal } from './docker-api.ts';
import { attachmentsOf, containerViewOf, stateOf, type ContainerAnswer } from './container-answer.ts';
import type { AttachmentAnswer } from './container-answer.ts';
import type { ContainerView, EngineView } from './container-view.ts';
import { startDeadline } from './deadline.ts';
import { networkViewOf, type NetworkAnswer } from './network-view.ts';

/** An engine that answered, and what it did not say in time. */
export interface EngineAnswer {
  readonly engine: EngineView;
  readonly gaps: readonly { readonly what: string; readonly why: string }[];
}

interface VersionAnswer {
  readonly Version?: string;
  readonly Components?: readonly { readonly Name?: string }[] | null;
}

interface ListAnswer {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly Image?: string;
  readonly State?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly HostConfig?: { readonly NetworkMode?: string } | null;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, AttachmentAnswer>> | null } | null;
}

/** However busy this process is. */
const longestMs = 60_000;
/** Questions about single containers that are under way at the same time: the engine has other things to do. */
const questionsAtOnce = 8;

/**
 * Asks an engine for its networks and containers. Containers about which nothing more was heard in time are told as
 * the list tells them: without process, ports and labels that only the full answer has.
 *
 * Source: Docker Engine API v1.24, GET /version, /networks, /containers/json, /containers/{id}/json.
 *
 * @param timeoutMs for all questions together, without the time in which this process did not listen
 * @throws when nobody answers there in time, or not as an engine does
 */
export async function readEngine(
  socket: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<EngineAnswer> {
  using deadline = startDeadline(timeoutMs);
  const stop = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
  const ask = async (path: string, shape: keyof typeof answerShapes): Promise<unknown> =>
    shaped(await askEngine(path, longestMs, stop, socket), shape, path);
  const [version, networks, list] = (await Promise.all([
    ask('/version', 'version'),
    ask('/networks', 'networks'),
    ask('/containers/json?all=1', 'containers'),
  ])) as [VersionAnswer, readonly NetworkAnswer[], readonly ListAnswer[]];
  const idOf = new Map(networks.map(({ Id, Name }) => [Name ?? Id, Id]));
  const containers: (ContainerView | undefined)[] = [];
  const unread: string[] = [];
  const waiting = list.entries();
  const askOneByOne = async (): Promise<void> => {
    for (const [position, short] of waiting) {
      try {
        const answer = await ask(`/containers/${encodeURIComponent(short.Id)}/json`, 'container');
        containers[position] = containerViewOf(answer as ContainerAnswer, idOf);
      } catch (error) {
        // Removed meanwhile.
        if (error instanceof EngineRefusal && error.status === 404) continue;
        containers[position] = shortViewOf(short, idOf);
        unread.push(short.Id);
      }
    }
  };
  await Promise.all(Array.from({ length: questionsAtOnce }, askOneByOne));
  const kind = isPodman(version) ? 'podman' : 'docker';
  return {
    engine: {
      kind,
      version: version.Version ?? '',
      socket,
      networks: networks.map(networkViewOf),
      containers: containers.filter((container) => container !== undefined),
    },
    gaps:
      unread.length === 0
        ? []
        : [
            {
              what: `${kind}: details of ${unread.length} of ${list.length} containers`,
              why: `not told within ${timeoutMs} ms`,
            },
          ],
  };
}

function shortViewOf(short: ListAnswer, idOf: ReadonlyMap<string, string>): ContainerView {
  const { Id, Names, Image, State, Labels, HostConfig, NetworkSettings } = short;
  return {
    id: Id,
    name: (Names?.[0] ?? Id).replace(/^\//, ''),
    image: Image ?? '',
    state: stateOf(State),
    networkMode: HostConfig?.NetworkMode ?? '',
    attachments: attachmentsOf(NetworkSettings?.Networks ?? {}, idOf),
    requestedPorts: [],
    publishedPorts: [],
    exposedPorts: [],
    labels: Labels ?? {},
  };
}

function isPodman({ Components }: VersionAnswer): boolean {
  return (Components ?? []).some(({ Name }) => Name?.startsWith('Podman') === true);
}
