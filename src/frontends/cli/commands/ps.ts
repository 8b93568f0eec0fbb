import type { Command } from 'commander';
import { readContainers, type EngineContainer } from '../../../inspect/engines/read-containers.ts';
import { shortId, type Endpoint, type EndpointId, type NetworkId } from '../../../model/index.ts';
import { formatPorts, openPlaces } from '../format-ports.ts';
import { openView } from '../open-view.ts';
import { printJson, printTable } from '../print.ts';
import { wantsJson } from '../settings.ts';

const timeoutMs = 1_000;
/** With these the table fits into 100 columns, unless addresses and ports are long. */
const widths = { container: 20, image: 18, network: 14 };

/** A container in our networks; without an engine an endpoint stands for its container. */
interface Row {
  readonly container?: string;
  readonly id?: string;
  readonly image?: string;
  readonly state?: string;
  readonly networks: readonly {
    readonly id: NetworkId;
    readonly name?: string;
    readonly endpoint?: EndpointId;
    readonly addresses: readonly string[];
    /** As in `docker ps`. */
    readonly ports: readonly string[];
  }[];
}

/** `tsnet ps`: what `docker ps` should have shown of containers in networks of tsnet. */
export async function list(command: Command): Promise<void> {
  const isAll = command.opts<{ all?: boolean }>().all === true;
  using state = openView(command);
  const containers = await readContainers(timeoutMs).catch(() => []);
  const { endpoints, networks } = state.read((view) => ({
    endpoints: view.endpoints(),
    networks: new Map(view.networks().map(({ id, name }) => [id, name])),
  }));
  const known = containers.map((container) => rowOf(container, endpoints, networks));
  const seen = new Set(known.flatMap((row) => row.networks.map(({ endpoint }) => endpoint)));
  const strangers = endpoints
    .filter(({ id }) => !seen.has(id))
    .map((endpoint): Row => ({ networks: [attachmentOf(endpoint, networks.get(endpoint.network))] }));
  const rows = [...known, ...strangers].filter(
    ({ networks: attached }) =>
      attached.length > 0 && (isAll || attached.some(({ endpoint }) => endpoint !== undefined)),
  );
  if (wantsJson(command)) return printJson(rows);
  printTable(['CONTAINER', 'IMAGE', 'STATE', 'NETWORK', 'ADDRESS', 'PORTS'], rows.flatMap(linesOf));
}

function rowOf(
  container: EngineContainer,
  endpoints: readonly Endpoint[],
  networks: ReadonlyMap<NetworkId, string | undefined>,
): Row {
  const { id, name, image, state, attachments } = container;
  return {
    container: name,
    id,
    image,
    state,
    networks: attachments
      .filter(({ network }) => networks.has(network))
      .map(({ network, networkName, endpoint: endpointId }) => {
        const endpoint = endpoints.find((one) => one.id === endpointId);
        if (endpoint !== undefined) return attachmentOf(endpoint, networkName);
        return { id: network, name: networkName, addresses: [], ports: [] };
      }),
  };
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

/** As many lines as the longest column of each network needs; what is the same as above is left out. */
function linesOf({ container, image, state, networks }: Row): string[][] {
  const attached = networks.flatMap(({ id, name, endpoint, addresses, ports }) => {
    const title = container ?? (endpoint === undefined ? '-' : shortId(endpoint));
    const height = Math.max(1, addresses.length, ports.length);
    return Array.from({ length: height }, (_, line) => [
      title,
      line === 0 ? short(name ?? shortId(id), widths.network) : '',
      addresses[line] ?? (line === 0 ? '-' : ''),
      ports[line] ?? '',
    ]);
  });
  return attached.map(([title = '', ...rest], line) =>
    line === 0
      ? [short(title, widths.container), short(image ?? '-', widths.image), state ?? '-', ...rest]
      : ['', '', '', ...rest],
  );
}

function short(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}
