import {
  boundsOf,
  familyOfRange,
  ipFromNumber,
  subnetOf,
  toTsnetError,
  TsnetError,
  withSuppressed,
  type Endpoint,
  type Network,
  type Subnet,
} from '../../model/index.ts';
import { attach, readLinkMacs, recover, type AttachRequest, type Context } from '../../network/index.ts';
import { parseAddConfig, type AddConfig } from './add-config.ts';
import type { BridgeConfig } from './bridge-config.ts';
import { encodeResult } from './encode-result.ts';
import { CniError } from './errors.ts';
import type { AddressPlan } from './ipam.ts';
import { ensureNetwork } from './network-record.ts';
import type { Request } from './request.ts';
import type { CniDns, CniResult } from './result.ts';
import { routesOf, sandboxRoutes } from './routes.ts';
import { refuseHostNamespace, refuseNoNamespace } from './sandbox.ts';
import type { Operation } from './verbs.ts';

/** Attaches a container to the network of a configuration. */
export function add(request: Request): Operation {
  const config = parseAddConfig(request);
  refuseNoNamespace(request);
  return async (context) => {
    refuseHostNamespace(context, request);
    refuseAnother(request, config.previous);
    await refuseSecond(context, request);
    const plan = withGateways(config.bridge, await config.ipam.plan(context));
    try {
      const attachment = await attachAnew(context, request, config, plan);
      return encodeResult(await resultOf(context, request, config, plan, attachment), request.version);
    } catch (thrown) {
      const failures = await config.ipam.abandon(context).then(
        () => [],
        (failure: unknown) => [failure],
      );
      throw withSuppressedOf(thrown, failures);
    }
  };
}

function withSuppressedOf(thrown: unknown, failures: readonly unknown[]): TsnetError {
  const error = toTsnetError(thrown);
  // A CniError has its code to itself.
  return error instanceof CniError ? error : withSuppressed(error, failures);
}

/** An ADD that was killed has not attached anything, whatever its records say. */
async function refuseSecond(context: Context, request: Request): Promise<void> {
  const isAttached = () =>
    context.state.read((view) => view.endpoint(request.network, request.id)) !== undefined;
  if (!isAttached()) return;
  if (context.state.unfinished().length > 0) await recover(context);
  if (!isAttached()) return;
  throw new TsnetError('conflict', `${doing(request)}: it is attached already`, {
    subject: request.ifName,
    hint: 'DEL comes before another ADD with the same container and interface',
  });
}

function refuseAnother(request: Request, previous: CniResult | undefined): void {
  const { ifName } = request;
  if (previous?.interfaces.some(({ name, sandbox }) => name === ifName && sandbox) !== true) return;
  throw new TsnetError(
    'conflict',
    `${doing(request)}: a plugin before this one in the chain has made ${ifName}`,
    {
      subject: ifName,
      hint: 'use only one plugin that makes interfaces in a chain, as its first',
    },
  );
}

function doing({ ifName, containerId, name }: Request): string {
  return `attach ${ifName} of container ${containerId} to ${name}`;
}

/** Where the bridge is the gateway and nobody says with which address, it is the first one. Source: reference `bridge`. */
function withGateways({ isGateway }: BridgeConfig, plan: AddressPlan): AddressPlan {
  if (!isGateway) return plan;
  const first = (subnet: Subnet) => ipFromNumber(boundsOf(subnet).first + 1n, familyOfRange(subnet));
  return {
    ...plan,
    sources: plan.sources.map(({ subnet, gateway }) => ({ subnet, gateway: gateway ?? first(subnet) })),
    answerFor: (addresses) => {
      const answer = plan.answerFor(addresses);
      const ips = answer.ips.map((ip) => ({ ...ip, gateway: ip.gateway ?? first(subnetOf(ip.address)) }));
      return { ...answer, ips };
    },
  };
}

/** The network may be ended, for being idle, between being made and being used. */
async function attachAnew(
  context: Context,
  request: Request,
  config: AddConfig,
  plan: AddressPlan,
): Promise<{ readonly network: Network; readonly endpoint: Endpoint }> {
  const attempt = async () => {
    await ensureNetwork(context, request.network, config.bridge, plan);
    const wish = attachRequest(request, config, plan);
    return attach(context, wish);
  };
  return attempt().catch(async (error: unknown) => {
    if (!(error instanceof TsnetError)) throw error;
    // Where no daemon runs, nobody else ends what a killed process began.
    if (context.state.unfinished().length > 0) {
      await recover(context);
      return attempt();
    }
    const isNetworkGone =
      error.kind === 'not-found' && context.state.read((view) => view.network(request.network)) === undefined;
    if (isNetworkGone) return attempt();
    throw error;
  });
}

/** What can be a name in a file of hosts. */
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;

function attachRequest(
  request: Request,
  { bridge, runtime }: AddConfig,
  { take, answerFor }: AddressPlan,
): AttachRequest {
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
    ports: runtime.ports,
    // Podman asks for all ports of a container on each of its networks.
    sharesPorts: true,
    // Podman and its conmon listen on the ports of their containers.
    portKeepers: ['podman', 'conmon'],
    ...(runtime.aliases.length === 0 ? {} : { aliases: runtime.aliases }),
    ...(runtime.shaping === undefined ? {} : { shaping: runtime.shaping }),
  };
}

async function resultOf(
  context: Context,
  request: Request,
  { bridge, runtime, previous }: AddConfig,
  { answerFor }: AddressPlan,
  { network, endpoint }: { readonly network: Network; readonly endpoint: Endpoint },
): Promise<CniResult> {
  const answer = answerFor(endpoint.addresses);
  const macs = await readLinkMacs(context, [network.bridge, endpoint.hostLink]);
  const macOf = (name: string) => (macs.get(name) === undefined ? {} : { mac: macs.get(name) });
  const before = previous ?? { interfaces: [], ips: [], routes: [], dns: {} };
  const own = before.interfaces.length + 2;
  return {
    interfaces: [
      ...before.interfaces,
      { name: network.bridge, ...macOf(network.bridge) },
      { name: endpoint.hostLink, ...macOf(endpoint.hostLink) },
      { name: endpoint.containerLink, mac: endpoint.mac, sandbox: request.netns },
    ],
    ips: [...before.ips, ...answer.ips.map((ip) => ({ ...ip, interface: own }))],
    routes: [...before.routes, ...routesOf(bridge, answer)],
    dns: [runtime.dns, bridge.dns, answer.dns].find(saysSomething) ?? before.dns,
  };
}

function saysSomething(dns: CniDns | undefined): dns is CniDns {
  return Object.values(dns ?? {}).some((value) => value !== undefined && value.length > 0);
}
