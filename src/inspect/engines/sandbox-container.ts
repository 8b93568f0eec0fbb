import {
  shortId,
  type Endpoint,
  type NamedSandbox,
  type Network,
  type PortRequest,
} from '../../model/index.ts';
import type { AttachmentView, ContainerView, PublishedView } from './container-view.ts';
import { endpointView, netnsOfIdentity } from './endpoint-view.ts';

/** A sandbox of `tsnet run`, and whether its command is still the process that was recorded. */
export interface SandboxRecord {
  readonly sandbox: NamedSandbox;
  readonly state: 'created' | 'running' | 'exited';
}

/**
 * A sandbox as engines tell of their containers.
 *
 * @param endpoints its own, in whatever order
 */
export function sandboxContainer(
  { sandbox, state }: SandboxRecord,
  endpoints: readonly Endpoint[],
  networks: ReadonlyMap<string, Network>,
): ContainerView {
  const { id, name, netns, ports, exposed, process, end } = sandbox;
  const attachments = sandbox.networks.map(({ id: network, aliases }): AttachmentView => {
    const endpoint = endpoints.find((one) => one.network === network);
    if (endpoint !== undefined) return endpointView(endpoint, networks.get(network));
    const networkName = networks.get(network)?.name ?? shortId(network);
    return { networkId: network, networkName, addresses: [], aliases };
  });
  return {
    id,
    name,
    image: '',
    state,
    ...(state === 'running' && process !== undefined ? { pid: process.pid } : {}),
    ...(end?.code === undefined ? {} : { exitCode: end.code }),
    ...(end?.at === undefined ? {} : { finishedAt: new Date(end.at * 1000).toISOString() }),
    networkMode: modeOf(sandbox, attachments),
    // One that shares another's is found by its process: by now the other may have begun anew, in another namespace.
    ...(netns.kind === 'own' ? { sandboxPath: netns.path, ...netnsOfIdentity(netns.id) } : {}),
    attachments,
    requestedPorts: ports.map(requestedView),
    publishedPorts: endpoints.flatMap((endpoint) => endpoint.ports),
    exposedPorts: exposed.map(({ port, protocol }) => `${port}/${protocol}`),
    labels: {},
  };
}

function modeOf({ netns }: NamedSandbox, [first]: readonly AttachmentView[]): string {
  if (netns.kind === 'shared') return `container:${netns.owner}`;
  return netns.kind === 'host' ? 'host' : (first?.networkName ?? 'none');
}

function requestedView({ protocol, hostIp, hostPorts, containerPort }: PortRequest): PublishedView {
  // Which one of a range was taken shows when it runs.
  const isFixed = hostPorts !== undefined && hostPorts.first === hostPorts.last;
  return {
    protocol,
    ...(hostIp === undefined ? {} : { hostIp }),
    ...(isFixed ? { hostPort: hostPorts.first } : {}),
    containerPort,
  };
}
