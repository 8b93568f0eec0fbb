import { request } from 'node:http';
import type { EndpointId, NetworkId } from '../../model/index.ts';

/** What a Docker Engine calls the things that tsnet knows only by id. */
export interface EngineNames {
  /** Whether an engine answered in time; if not, the maps are empty. */
  readonly isAnswering: boolean;
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
    const [networks, containers] = (await Promise.all([get('/networks'), get('/containers/json?all=1')])) as [
      readonly EngineNetwork[],
      readonly EngineContainer[],
    ];
    return {
      isAnswering: true,
      networks: new Map(networks.map(({ Id, Name }) => [Id as NetworkId, Name])),
      containers: new Map(containers.flatMap(endpointsOf)),
    };
  } catch {
    return { isAnswering: false, networks: new Map(), containers: new Map() };
  }
}

interface EngineNetwork {
  readonly Id: string;
  readonly Name: string;
}

interface EngineContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, { readonly EndpointID?: string }>>;
  };
}

function endpointsOf(container: EngineContainer): [EndpointId, { id: string; name: string }][] {
  const name = (container.Names[0] ?? container.Id).replace(/^\//, '');
  return Object.values(container.NetworkSettings?.Networks ?? {}).flatMap(({ EndpointID }) =>
    EndpointID ? [[EndpointID as EndpointId, { id: container.Id, name }]] : [],
  );
}

function get(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const options = {
      socketPath: socketPath(),
      path,
      timeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    };
    const call = request({ ...options, headers: { host: 'docker' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        try {
          if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          reject(error);
        }
      });
    });
    call.on('error', reject);
    call.end();
  });
}

function socketPath(): string {
  const host = process.env['DOCKER_HOST'] ?? '';
  return host.startsWith('unix://') ? host.slice('unix://'.length) : '/var/run/docker.sock';
}
