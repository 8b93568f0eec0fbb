import { shortId, type ContainerRef, type Endpoint, type Network } from '../../model/index.ts';
import { nameOfId, type ContainerView, type EngineView, type NetworkView } from './container-view.ts';
import { endpointView, netnsOfIdentity } from './endpoint-view.ts';
import { sandboxContainer, type SandboxRecord } from './sandbox-container.ts';

/** What tsnet has recorded, as far as names follow from it. */
export interface Records {
  readonly networks: readonly Network[];
  /** Those that name a container suffice. */
  readonly endpoints: readonly Endpoint[];
  readonly sandboxes: readonly SandboxRecord[];
}

/**
 * What tsnet has recorded as engines tell of theirs: its networks and the sandboxes of `tsnet run` as one engine, the
 * containers that it attached for CNI and for netavark as one each. Those with nothing to tell are left out.
 *
 * @param source the directory of the records
 * @param version of tsnet
 */
export function recordViews(records: Records, source: string, version: string): EngineView[] {
  const networks = new Map<string, Network>(records.networks.map((network) => [network.id, network]));
  const attached = byContainer(records.endpoints);
  const own: EngineView = {
    kind: 'tsnet',
    version,
    socket: source,
    networks: records.networks.map(networkViewOf),
    containers: records.sandboxes.map((one) =>
      sandboxContainer(one, attached.get(one.sandbox.id)?.endpoints ?? [], networks),
    ),
  };
  const guests = (['cni', 'netavark'] as const).map((kind): EngineView => {
    const theirs = [...attached.values()].filter(
      ({ endpoints: [first] }) => networks.get(first?.network ?? '')?.origin === kind,
    );
    const containers = theirs.map((guest) => guestContainer(guest, networks));
    return { kind, version: '', socket: source, networks: [], containers };
  });
  return [own, ...guests].filter((view) => view.networks.length + view.containers.length > 0);
}

function networkViewOf({ id, name, isInternal, subnets, options, bridge }: Network): NetworkView {
  return { id, name: name ?? shortId(id), driver: 'tsnet', isInternal, subnets, options, bridge };
}

/** A container that has at least one attachment. */
interface Guest {
  readonly container: ContainerRef;
  readonly endpoints: Endpoint[];
}

function byContainer(endpoints: readonly Endpoint[]): Map<string, Guest> {
  const found = new Map<string, Guest>();
  for (const endpoint of endpoints) {
    const { container } = endpoint;
    if (container === undefined) continue;
    const known = found.get(container.id);
    if (known === undefined) found.set(container.id, { container, endpoints: [endpoint] });
    else known.endpoints.push(endpoint);
  }
  return found;
}

function guestContainer(
  { container: { id, name }, endpoints }: Guest,
  networks: ReadonlyMap<string, Network>,
): ContainerView {
  const sandbox = endpoints.find((endpoint) => endpoint.sandbox !== undefined)?.sandbox;
  const attachments = endpoints.map((endpoint) => endpointView(endpoint, networks.get(endpoint.network)));
  const ports = endpoints.flatMap((endpoint) => endpoint.ports);
  return {
    id,
    name: name ?? nameOfId(id),
    image: '',
    // Its network ends with it.
    state: 'running',
    networkMode: attachments[0]?.networkName ?? 'none',
    ...(sandbox === undefined
      ? {}
      : { sandboxPath: sandbox.path, ...netnsOfIdentity(sandbox.placement?.netns) }),
    attachments,
    requestedPorts: ports,
    publishedPorts: ports,
    exposedPorts: [],
    labels: {},
  };
}
