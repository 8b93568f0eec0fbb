import type { EngineContainer } from '../../inspect/engines/read-containers.ts';
import {
  shortId,
  type Endpoint,
  type EndpointId,
  type NamedSandbox,
  type NetworkId,
} from '../../model/index.ts';
import { endpointIdOf, stateOf } from '../../run/index.ts';
import { formatPorts, openPlaces } from './format-ports.ts';

/** A container or a sandbox in our networks; where nobody tells its name an endpoint stands for it. */
export interface Row {
  readonly container?: string;
  readonly id?: string;
  readonly image?: string;
  /** Of a sandbox, in the place of an image. */
  readonly command?: readonly string[];
  readonly state?: string;
  /** Of a sandbox that has ended, where somebody saw its end. */
  readonly exitCode?: number;
  /** No engine runs it, but `tsnet run`. */
  readonly isSandbox?: true;
  readonly networks: readonly {
    /** Absent where the interfaces are others': of the host, of another sandbox, or none. */
    readonly id?: NetworkId;
    readonly name?: string;
    readonly endpoint?: EndpointId;
    readonly addresses: readonly string[];
    /** As in `docker ps`. */
    readonly ports: readonly string[];
  }[];
}

/** A container as its engine and the records tell. */
export function rowOfContainer(
  container: EngineContainer,
  endpoints: readonly Endpoint[],
  networks: ReadonlyMap<NetworkId, string | undefined>,
): Row {
  const { id, name, image, state, attachments } = container;
  const attached = attachments
    .filter(({ network }) => networks.has(network))
    .map(({ network, networkName, endpoint: endpointId }) => {
      const endpoint = endpoints.find((one) => one.id === endpointId);
      if (endpoint !== undefined) return attachmentOf(endpoint, networkName);
      return { id: network, name: networkName, addresses: [], ports: [] };
    });
  return { container: name, id, image, state, networks: attached };
}

/** A sandbox of ours. */
export function rowOfSandbox(
  sandbox: NamedSandbox,
  endpoints: readonly Endpoint[],
  networks: ReadonlyMap<NetworkId, string | undefined>,
): Row {
  const { id, name, command, netns, end } = sandbox;
  const state = stateOf(sandbox);
  const attached = sandbox.networks.flatMap(({ id: network }) => {
    const wanted = endpointIdOf(id, network);
    const endpoint = endpoints.find((one) => one.id === wanted);
    return endpoint === undefined ? [] : [attachmentOf(endpoint, networks.get(network))];
  });
  return {
    container: name,
    id,
    command,
    state,
    ...(end?.code === undefined ? {} : { exitCode: end.code }),
    isSandbox: true,
    networks:
      attached.length > 0 ? attached : [{ name: modeOf(netns, end !== undefined), addresses: [], ports: [] }],
  };
}

/** An endpoint of which no engine tells; a runtime may have named its container. */
export function rowOfEndpoint(endpoint: Endpoint, network: string | undefined): Row {
  const { container } = endpoint;
  return {
    ...(container === undefined
      ? {}
      : { container: container.name ?? shortId(container.id), id: container.id }),
    networks: [attachmentOf(endpoint, network)],
  };
}

function modeOf(netns: NamedSandbox['netns'], hasEnded: boolean): string {
  if (netns.kind === 'own') return hasEnded ? '-' : 'none';
  return netns.kind === 'host' ? 'host' : `container:${netns.name}`;
}

function attachmentOf(endpoint: Endpoint, name: string | undefined): Row['networks'][number] {
  const { network, id, addresses, ports } = endpoint;
  const families = new Set(addresses.map((address) => (address.includes(':') ? 6 : 4)));
  return {
    id: network,
    ...(name === undefined ? {} : { name }),
    endpoint: id,
    addresses,
    ports: [
      ...formatPorts(ports, families),
      ...openPlaces(endpoint).map(({ place, port }) => `${place}->${port}`),
    ],
  };
}
