import { isDeepStrictEqual } from 'node:util';
import { netnsIdOf } from '../kernel/netns/index.ts';
import {
  addressIn,
  contains,
  familyOf,
  familyOfRange,
  invalid,
  shortId,
  TsnetError,
  type Address,
  type ContainerRef,
  type Endpoint,
  type EndpointId,
  type IfName,
  type Ip,
  type Mac,
  type Network,
  type NetworkId,
  type PoolId,
  type PortRequest,
  type SandboxRoute,
  type Shaping,
} from '../model/index.ts';
import { observe } from '../observe/index.ts';
import { desired, diff, formatChange } from '../plan/index.ts';
import type { StateTransaction } from '../state/index.ts';
import { takeAddresses, type AddressLeaseRequest } from './attachment-leases.ts';
import { commit, withdraw } from './commit.ts';
import { claimSharedPorts, handOverPorts, sharingPorts } from './container-ports.ts';
import type { Context } from './context.ts';
import {
  endpointOf,
  forgetEndpoint,
  refuseForeignAddress,
  requireEndpoint,
  requireNetwork,
  type Attachment,
} from './endpoints.ts';
import { endDead } from './end-dead.ts';
import { intentOf } from './intent.ts';
import { firstThatGives, leaseOwner, nowSeconds, requirePool, takeAddress } from './leases.ts';
import { claimPorts, forgetFlows, withListeners } from './ports.ts';
import { sweepEndpoint } from './sweep-endpoint.ts';

/** What a front end knows of a container that is to be attached to a network, where no engine does its part of it. */
export interface AttachRequest {
  readonly network: NetworkId;
  readonly id: EndpointId;
  readonly container: ContainerRef;
  /** Path of the container's network namespace. */
  readonly sandbox: string;
  /** What the interface is called there. */
  readonly interfaceName: IfName;
  /** Absent lets tsnet choose one that belongs to the address. */
  readonly mac?: Mac;
  /** Addresses that were decided elsewhere, at most one of each family. Absent: one from each pool of the network. */
  readonly addresses?: readonly Address[];
  /** Exactly these from the network's pools; a pool that none of them lies in gives its next free one. */
  readonly wanted?: readonly Ip[];
  /** Where a front end's networks have ranges of their own instead: what to take addresses from. */
  readonly ranges?: Omit<AddressLeaseRequest, 'owner'>;
  /** The routes through the interface, beside those that follow from its addresses; they may depend on these. */
  readonly routes: readonly SandboxRoute[] | ((addresses: readonly Address[]) => readonly SandboxRoute[]);
  /** Whether IPv6 addresses wait until it is known that nobody else has them. */
  readonly detectsDuplicates?: boolean;
  /** Whether the container sets the interface up by itself; only without addresses and routes. */
  readonly staysDown?: true;
  readonly ports: readonly PortRequest[];
  /**
   * Whether these are the container's ports, asked for on each of its networks: one that another attachment of it
   * publishes waits until that one ends.
   */
  readonly sharesPorts?: true;
  /**
   * Who listens on the ports to keep them for the container, as Podman does, and so is not in the way: the processes of
   * these names, or whoever it is.
   */
  readonly portKeepers?: readonly string[] | 'anybody';
  /** What other sandboxes of the network find it by, beside its container's name. */
  readonly aliases?: readonly string[];
  /** In each direction instead of what the network says. */
  readonly shaping?: Shaping;
}

/**
 * Attaches a container to a network in one go: addresses, a veth pair whose far end is made and set up in the sandbox,
 * and published ports. When it fails, nothing of it is left.
 *
 * @throws not-found for an unknown network or namespace; conflict when the endpoint exists, the sandbox has an interface
 *   of that name, or an address or port is taken; exhausted; invalid-input for the host's own namespace; kernel; drift
 */
export async function attach(context: Context, request: AttachRequest): Promise<Attachment> {
  return sharingPorts(context, request, () => attachOrCollect(context, request));
}

async function attachOrCollect(context: Context, request: AttachRequest): Promise<Attachment> {
  try {
    return await attachOnce(context, request);
  } catch (error) {
    const isTaken = error instanceof TsnetError && (error.kind === 'conflict' || error.kind === 'exhausted');
    if (!isTaken || !(await endDead(context))) throw error;
    return attachOnce(context, request);
  }
}

async function attachOnce(context: Context, request: AttachRequest): Promise<Attachment> {
  const netns = identifySandbox(context, request.sandbox);
  const { ports, portKeepers } = request;
  return withListeners(context, { ports, keepers: portKeepers }, async (listeners) => {
    const scope = { network: request.network, endpoints: [request.id] };
    const attachment = await commit(context, scope, (tx) => {
      const network = requireNetwork(tx, request.network);
      if (tx.endpoint(network.id, request.id) !== undefined) throw existsError(request);
      const leased =
        request.addresses === undefined
          ? take(tx, network, request)
          : { addresses: request.addresses, pools: [] };
      const endpoint = placed(network, request, leased, netns);
      for (const address of endpoint.addresses) refuseForeignAddress(network, address);
      tx.putEndpoint(endpoint);
      const claim = request.sharesPorts === true ? claimSharedPorts : claimPorts;
      return { network, endpoint: claim(tx, { network, endpoint }, request.ports, listeners) };
    });
    await forgetFlows(context, attachment.endpoint.ports);
    return attachment;
  });
}

/**
 * Ends what `attach` made: it is gone when this resolves, also what an attempt left that was killed. An unknown endpoint
 * and a namespace that is gone are success.
 *
 * @throws kernel
 */
export async function detach(context: Context, network: NetworkId, id: EndpointId): Promise<void> {
  if (context.state.read((view) => view.endpoint(network, id)) === undefined) {
    return sweepEndpoint(context, network, id);
  }
  await end(context, network, id, () => true);
}

/**
 * Ends an attachment if it is still the one that was seen: it may have ended since, and another have come in its place.
 *
 * @returns whether it was
 * @throws kernel
 */
export async function detachSeen(context: Context, seen: Endpoint): Promise<boolean> {
  const isSame = ({ createdAt, sandbox }: Endpoint) =>
    createdAt === seen.createdAt && isDeepStrictEqual(sandbox, seen.sandbox);
  return (await end(context, seen.network, seen.id, isSame)) !== undefined;
}

async function end(
  context: Context,
  network: NetworkId,
  id: EndpointId,
  isIt: (found: Endpoint) => boolean,
): Promise<Endpoint | undefined> {
  const ended = await withdraw(context, { network, endpoints: [id] }, (tx) => {
    const found = tx.endpoint(network, id);
    if (found === undefined || !isIt(found)) return undefined;
    forgetEndpoint(tx, network, id);
    return found;
  });
  await context.linkRemoval.idle();
  if (ended === undefined) return undefined;
  const { container, ports, isAwaited } = ended;
  await forgetFlows(context, ports);
  if (isAwaited === true && container !== undefined) await handOverPorts(context, container);
  return ended;
}

/**
 * What the kernel holds otherwise than it was decided for an endpoint and its network, one line each.
 *
 * @throws not-found for an unknown endpoint
 */
export async function checkEndpoint(
  context: Context,
  network: NetworkId,
  id: EndpointId,
): Promise<readonly string[]> {
  const wanted = context.state.read((view) => {
    requireEndpoint(view, network, id);
    return desired(intentOf(context, view, { network, endpoints: [id] }));
  });
  return diff([], wanted, await observe(context.kernel, wanted)).map(formatChange);
}

/** The identity of the sandbox. @throws not-found, invalid-input for the host's own namespace */
function identifySandbox({ kernel }: Context, path: string): string {
  const netns = netnsIdOf(path);
  if (netns === netnsIdOf(kernel.netns)) {
    throw invalid('network namespace', path, "a namespace other than the host's own");
  }
  return netns;
}

interface Leased {
  readonly addresses: readonly Address[];
  readonly pools: readonly PoolId[];
}

/** From the front end's ranges, or else from the network's pools. */
function take(tx: StateTransaction, network: Network, request: AttachRequest): Leased {
  const { id, ranges } = request;
  if (ranges === undefined) return takeFromPools(tx, network, request);
  const leased = takeAddresses(tx, { ...ranges, owner: leaseOwner(id) });
  return { addresses: leased.map(({ address }) => address), pools: leased.map(({ pool }) => pool) };
}

/** Takes an address of each family that the network has a pool for; several pools of one family help one another out. */
function takeFromPools(tx: StateTransaction, network: Network, request: AttachRequest): Leased {
  const wishes = new Set(request.wanted);
  const addresses: Address[] = [];
  const pools: PoolId[] = [];
  for (const family of [4, 6] as const) {
    const ofFamily = network.pools
      .map((id) => requirePool(tx, id))
      .filter(({ subnet }) => familyOfRange(subnet) === family);
    if (ofFamily.length === 0) continue;
    const wish = [...wishes].find((ip) => familyOf(ip) === family);
    if (wish !== undefined) wishes.delete(wish);
    const candidates =
      wish === undefined ? ofFamily : ofFamily.filter(({ subnet }) => contains(subnet, wish));
    if (wish !== undefined && candidates.length === 0) {
      throw invalid('address', wish, `an address of ${ofFamily.map(({ subnet }) => subnet).join(' or ')}`);
    }
    const { ip, pool } = firstThatGives(candidates, (candidate) =>
      takeAddress(tx, network.id, candidate, {
        kind: 'endpoint',
        ...(wish === undefined ? {} : { address: wish }),
      }),
    );
    tx.putPool(pool);
    tx.putLease({
      pool: pool.id,
      ip,
      kind: 'endpoint',
      owner: leaseOwner(request.id),
      createdAt: nowSeconds(),
    });
    addresses.push(addressIn(ip, pool.subnet));
    pools.push(pool.id);
  }
  const [stray] = wishes;
  if (stray !== undefined) throw invalid('address', stray, 'at most one of each family that the network has');
  return { addresses, pools };
}

function placed(
  network: Network,
  request: AttachRequest,
  { addresses, pools }: Leased,
  netns: string,
): Endpoint {
  const {
    id,
    mac,
    container,
    aliases = [],
    interfaceName,
    sandbox,
    routes,
    detectsDuplicates,
    staysDown,
    shaping,
  } = request;
  const base = endpointOf({
    network: network.id,
    id,
    addresses,
    ...(mac === undefined ? {} : { mac }),
    ...(shaping === undefined ? {} : { shaping }),
  });
  return {
    ...base,
    containerLink: interfaceName,
    sandbox: {
      path: sandbox,
      placement: {
        netns,
        routes: typeof routes === 'function' ? routes(addresses) : routes,
        ...(detectsDuplicates === true ? { detectsDuplicates } : {}),
        ...(staysDown === true ? { staysDown } : {}),
      },
    },
    container,
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(pools.length === 0 ? {} : { leasedFrom: pools }),
  };
}

function existsError({ id, network, interfaceName }: AttachRequest): TsnetError {
  return new TsnetError(
    'conflict',
    `attach ${interfaceName} to network ${shortId(network)}: endpoint ${shortId(id)} exists already`,
    { subject: `endpoint ${shortId(id)}`, hint: 'detach it first' },
  );
}
