import type { EndpointId, NetworkId } from '../../model/index.ts';
import { shaped } from './answer-shapes.ts';
import { askEngine } from './docker-api.ts';
import { readContainers } from './read-containers.ts';
import { silenceOf, type Silence } from './silence.ts';

/** What a Docker Engine calls the things that tsnet knows only by id. */
export interface EngineNames {
  /** Whether an engine answered in time; if not, the maps are empty. */
  readonly isAnswering: boolean;
  /** Why none did, where one is missed. */
  readonly silence?: Silence;
  readonly networks: ReadonlyMap<NetworkId, string>;
  readonly containers: ReadonlyMap<EndpointId, { readonly id: string; readonly name: string }>;
}

const timeoutMs = 1_000;

/**
 * Asks the engine for names, one second at most; without an engine there are none. Never called from inside a plugin
 * call: the engine waits for its driver with the container locked.
 *
 * Source: Docker Engine API v1.24, GET /networks and /containers/json.
 */
export async function engineNames(): Promise<EngineNames> {
  try {
    const [networks, containers] = await Promise.all([
      askEngine('/networks', timeoutMs).then(
        (answer) => shaped(answer, 'networks', '/networks') as readonly EngineNetwork[],
      ),
      readContainers(timeoutMs),
    ]);
    return {
      isAnswering: true,
      networks: new Map(networks.map(({ Id, Name }) => [Id as NetworkId, Name])),
      containers: new Map(
        containers.flatMap(({ id, name, attachments }) =>
          attachments.flatMap(({ endpoint }) =>
            endpoint === undefined ? [] : [[endpoint, { id, name }] as const],
          ),
        ),
      ),
    };
  } catch (error) {
    const silence = silenceOf(error, timeoutMs);
    return {
      isAnswering: false,
      ...(silence === undefined ? {} : { silence }),
      networks: new Map(),
      containers: new Map(),
    };
  }
}

interface EngineNetwork {
  readonly Id: string;
  readonly Name: string;
}
