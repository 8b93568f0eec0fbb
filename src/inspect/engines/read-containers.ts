import { parseIp, TsnetError, type EndpointId, type Ip, type NetworkId } from '../../model/index.ts';
import { shaped } from './answer-shapes.ts';
import { askEngine } from './docker-api.ts';

/** A container as its engine tells. Texts come from users and may hold anything. */
export interface EngineContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** Such as `running` or `exited`. */
  readonly state: string;
  readonly attachments: readonly EngineAttachment[];
}

/** A container in a network. */
export interface EngineAttachment {
  readonly network: NetworkId;
  readonly networkName: string;
  /** Absent while the container does not run. */
  readonly endpoint?: EndpointId;
  readonly addresses: readonly Ip[];
}

interface Answer {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly Image?: string;
  readonly State?: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, AttachmentAnswer>> | null } | null;
}

interface NetworkAnswer {
  readonly Id: string;
  readonly Name: string;
}

interface AttachmentAnswer {
  readonly NetworkID?: string;
  readonly EndpointID?: string;
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
}

/**
 * All containers of the engine, stopped ones as well.
 *
 * Source: Docker Engine API v1.24, GET /containers/json and /networks.
 *
 * @throws when no engine answers in time, or not as one does
 */
export async function readContainers(timeoutMs: number, signal?: AbortSignal): Promise<EngineContainer[]> {
  const ask = async (path: string, shape: 'containers' | 'networks'): Promise<unknown> =>
    shaped(await askEngine(path, timeoutMs, signal), shape, path);
  const answer = (await ask('/containers/json?all=1', 'containers')) as readonly Answer[];
  const networks = (await ask('/networks', 'networks')) as readonly NetworkAnswer[];
  // A container that was never started knows its networks by name only.
  const idOf = new Map(networks.map(({ Id, Name }) => [Name, Id]));
  return answer.map(({ Id, Names, Image, State, NetworkSettings }) => ({
    id: Id,
    name: (Names?.[0] ?? Id).replace(/^\//, ''),
    image: Image ?? '',
    state: State ?? '',
    attachments: Object.entries(NetworkSettings?.Networks ?? {}).map(([name, attachment]) =>
      attachmentOf(name, attachment, idOf.get(name)),
    ),
  }));
}

function attachmentOf(
  networkName: string,
  { NetworkID, EndpointID, IPAddress, GlobalIPv6Address }: AttachmentAnswer,
  knownId: string | undefined,
): EngineAttachment {
  return {
    network: (NetworkID || (knownId ?? '')) as NetworkId,
    networkName,
    ...(EndpointID ? { endpoint: EndpointID as EndpointId } : {}),
    addresses: readIps([IPAddress, GlobalIPv6Address]),
  };
}

/** Those of the texts that are addresses, with or without a prefix length. */
export function readIps(texts: readonly (string | null | undefined)[]): Ip[] {
  return texts.flatMap((text) => {
    try {
      return text ? [parseIp(text.replace(/\/\d+$/, ''))] : [];
    } catch (error) {
      if (error instanceof TsnetError) return [];
      throw error;
    }
  });
}
