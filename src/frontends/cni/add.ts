import {
  boundsOf,
  familyOfRange,
  ipFromNumber,
  subnetOf,
  toTsnetError,
  TsnetError,
  withSuppressed,
  type Subnet,
} from '../../model/index.ts';
import {
  detach,
  readLinkMacs,
  settleInterrupted,
  type Attachment,
  type Context,
} from '../../network/index.ts';
import { parseAddConfig, type AddConfig } from './add-config.ts';
import { addressBare, attachBare, attachWhole } from './attachment.ts';
import type { BridgeConfig } from './bridge-config.ts';
import { encodeResult } from './encode-result.ts';
import { CniError } from './errors.ts';
import type { AddressPlan } from './ipam.ts';
import type { Request } from './request.ts';
import type { CniDns, CniResult } from './result.ts';
import { routesOf } from './routes.ts';
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
    const undo: Undo = [];
    try {
      return encodeResult(await make(context, request, config, undo), request.version);
    } catch (thrown) {
      const failures: unknown[] = [];
      for (const step of undo.toReversed()) await step().catch((failure: unknown) => failures.push(failure));
      throw withSuppressedOf(thrown, failures);
    }
  };
}

/** How to take back what was made so far. */
type Undo = (() => Promise<void>)[];

async function make(context: Context, request: Request, config: AddConfig, undo: Undo): Promise<CniResult> {
  const { ipam, bridge } = config;
  const end = () => detach(context, request.network, request.id);
  if (ipam.needsInterface === true) {
    await attachBare(context, request, config);
    undo.push(end);
  }
  const plan = withGateways(bridge, await ipam.plan(context));
  undo.push(() => ipam.abandon(context));
  const finish = ipam.needsInterface === true ? addressBare : attachWhole;
  const attachment = await finish(context, request, config, plan);
  undo.push(end);
  return resultOf(context, request, config, plan, attachment);
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
  await settleInterrupted(context);
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

async function resultOf(
  context: Context,
  request: Request,
  { bridge, runtime, previous }: AddConfig,
  { answerFor }: AddressPlan,
  { network, endpoint }: Attachment,
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
