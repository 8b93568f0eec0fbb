import { familyOfRange, TsnetError, type PortRequest } from '../../model/index.ts';
import {
  addressAttachment,
  attach,
  reachablePorts,
  type Attachment,
  type AttachRequest,
  type Context,
} from '../../network/index.ts';
import type { AddConfig } from './add-config.ts';
import { noAddresses, type AddressPlan } from './ipam.ts';
import { ensureNetwork } from './network-record.ts';
import type { Request } from './request.ts';
import { routesOf, sandboxRoutes } from './routes.ts';

/** Makes an attachment with all that belongs to it, and the network where it is missing. @throws as `attach` */
export function attachWhole(
  context: Context,
  request: Request,
  config: AddConfig,
  plan: AddressPlan,
): Promise<Attachment> {
  return inNetwork(context, request, config, plan, (wish) => attach(context, wish));
}

/** Makes one without addresses, for a plugin that asks for them over its interface. @throws as `attach` */
export function attachBare(context: Context, request: Request, config: AddConfig): Promise<Attachment> {
  const { bridge } = config;
  return persevere(context, request, async () => {
    // One that is there has what the answers to others told of it.
    const existing = context.state.read((view) => view.network(request.network));
    if (existing?.bridge !== bridge.bridge) {
      await ensureNetwork(context, request.network, bridge, noAddresses);
    }
    return attach(context, { ...attachRequest(request, config, noAddresses), ports: [] });
  });
}

/** Gives the addresses to such an attachment. @throws as `attach` */
export function addressBare(
  context: Context,
  request: Request,
  config: AddConfig,
  plan: AddressPlan,
): Promise<Attachment> {
  return inNetwork(context, request, config, plan, ({ addresses = [], ...wish }) =>
    addressAttachment(context, { ...wish, addresses }),
  );
}

/** Does something in the network, which is made or changed first where it is not as the call says. */
function inNetwork(
  context: Context,
  request: Request,
  config: AddConfig,
  plan: AddressPlan,
  attempt: (wish: AttachRequest) => Promise<Attachment>,
): Promise<Attachment> {
  return persevere(context, request, async () => {
    await ensureNetwork(context, request.network, config.bridge, plan);
    const ports = publishable(context, request, config, plan);
    return attempt({ ...attachRequest(request, config, plan), ports });
  });
}

/** The ports in the families that the container gets an address of; of others it is said that they are left out. */
function publishable(
  context: Context,
  { containerId, name }: Request,
  { runtime }: AddConfig,
  { sources }: AddressPlan,
): readonly PortRequest[] {
  const families = new Set(sources.map(({ subnet }) => familyOfRange(subnet)));
  const { ports, unreachable } = reachablePorts(runtime.ports, families);
  for (const { hostIp, protocol, containerPort } of unreachable) {
    context.log.warn('port is not published: the container gets no address of that family', {
      container: containerId,
      network: name,
      port: `${containerPort}/${protocol}`,
      ...(hostIp === undefined ? {} : { hostIp }),
    });
  }
  return ports;
}

/** The network may be gone between being made and being used: it was idle, or who made it was killed and it is taken back. */
async function persevere(
  context: Context,
  { network }: Request,
  attempt: () => Promise<Attachment>,
): Promise<Attachment> {
  return attempt().catch(async (error: unknown) => {
    const isGone = context.state.read((view) => view.network(network)) === undefined;
    if (error instanceof TsnetError && error.kind === 'not-found' && isGone) return attempt();
    throw error;
  });
}

/** What can be a name in a file of hosts. */
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;

function attachRequest(
  request: Request,
  { bridge, runtime }: AddConfig,
  { take, answerFor }: AddressPlan,
): Omit<AttachRequest, 'ports'> {
  const { containerId, args } = request;
  const mac = runtime.mac ?? bridge.mac;
  const podName = args['K8S_POD_NAME'];
  return {
    network: request.network,
    id: request.id,
    container: { id: containerId, ...(podName && namePattern.test(podName) ? { name: podName } : {}) },
    sandbox: request.netns,
    interfaceName: request.ifName,
    ...(mac === undefined ? {} : { mac }),
    ...take,
    routes: (addresses) => {
      const answer = answerFor(addresses);
      return sandboxRoutes(routesOf(bridge, answer), answer, request.ifName);
    },
    ...(bridge.detectsDuplicates ? { detectsDuplicates: true } : {}),
    ...(bridge.staysDown ? { staysDown: true } : {}),
    // Podman asks for all ports of a container on each of its networks.
    sharesPorts: true,
    // Podman and its conmon listen on the ports of their containers.
    portKeepers: ['podman', 'conmon'],
    ...(runtime.aliases.length === 0 ? {} : { aliases: runtime.aliases }),
    ...(runtime.shaping === undefined ? {} : { shaping: runtime.shaping }),
  };
}
