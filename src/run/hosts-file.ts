import {
  ipOf,
  type Endpoint,
  type HostEntry,
  type Ip,
  type NamedSandbox,
  type Network,
  type NetworkId,
} from '../model/index.ts';
import { endpointIdOf } from './endpoint-id.ts';

/** What a hosts file is made of. */
export interface HostsView {
  network(id: NetworkId): Network | undefined;
  endpoints(network: NetworkId): readonly Endpoint[];
}

/** Source: moby daemon/libnetwork/etchosts: what every container's file begins with. */
const loopback = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/**
 * The hosts file of a sandbox: itself, what the user added, and everybody who is in a network with it, by name, alias and
 * `name.network`.
 */
export function formatHostsFile(view: HostsView, sandbox: NamedSandbox): string {
  const own: string[] = [];
  const others: string[] = [];
  for (const { id } of sandbox.networks) {
    const network = view.network(id);
    const mine = endpointIdOf(sandbox.id, id);
    for (const endpoint of view.endpoints(id)) {
      const isMine = endpoint.id === mine;
      const names = isMine
        ? [...hostNames(sandbox.hostname), ...namesOf(endpoint, network)]
        : [...namesOf(endpoint, network), ...linkNames(sandbox, endpoint)];
      (isMine ? own : others).push(...endpoint.addresses.map((address) => formatLine(ipOf(address), names)));
    }
  }
  return [loopback, ...sandbox.hosts.map(formatEntry), ...own, ...others].join('');
}

/** The host's own hosts file with what the user added. */
export function extendHostsFile(text: string, hosts: readonly HostEntry[]): string {
  const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return ended + hosts.map(formatEntry).join('');
}

/** A name with a domain also stands without it. */
function hostNames(hostname: string | undefined): string[] {
  const [short] = hostname?.split('.') ?? [];
  return hostname === undefined || short === undefined ? [] : [hostname, short];
}

function namesOf({ container, aliases = [] }: Endpoint, network: Network | undefined): string[] {
  const names = [...(container?.name === undefined ? [] : [container.name]), ...aliases];
  return [...names, ...(network?.name === undefined ? [] : names.map((name) => `${name}.${network.name}`))];
}

function linkNames({ links }: NamedSandbox, { container }: Endpoint): string[] {
  return links.filter(({ name }) => name === container?.name).map(({ alias }) => alias);
}

function formatEntry({ ip, name }: HostEntry): string {
  return formatLine(ip, [name]);
}

/** Names come from runtimes as well; what could end the line or begin a comment is left out. */
function formatLine(ip: Ip, names: readonly string[]): string {
  const plain = [...new Set(names)].filter((name) => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name));
  return plain.length === 0 ? '' : `${ip}\t${plain.join(' ')}\n`;
}
