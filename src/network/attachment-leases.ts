import { allocate, hasFree, poolIdOf, requestPool, type AddressSpace, type Pool } from '../ipam/index.ts';
import {
  addressIn,
  contains,
  familyOf,
  invalid,
  ipToNumber,
  TsnetError,
  type Address,
  type Ip,
  type Network,
  type NetworkId,
  type PoolId,
  type Subnet,
} from '../model/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import type { Context } from './context.ts';
import { firstThatGives, freeLease, isOfEndpoint, nowSeconds, takeAddress } from './leases.ts';

/** A part of a subnet that addresses are given from. */
export interface AddressSource {
  readonly subnet: Subnet;
  /** Never given to an attachment. */
  readonly gateway?: Ip;
  readonly first: Ip;
  readonly last: Ip;
}

/** Addresses for one attachment, by a front end whose networks each have addresses of their own. */
export interface AddressLeaseRequest {
  /** Called as the network whose endpoints have the addresses. */
  readonly space: AddressSpace;
  /** What the addresses are found by when they are given back. */
  readonly owner: string;
  /** One address comes from each set, from the first source of it that has one. */
  readonly sets: readonly (readonly AddressSource[])[];
  /** Exactly these, each from the set that it lies in. */
  readonly wanted: readonly Ip[];
}

/** An address that was given to an attachment. */
export interface LeasedAddress {
  readonly address: Address;
  readonly gateway?: Ip;
  readonly pool: PoolId;
}

/**
 * Takes an address from each set for an attachment, all or none. Pools that do not exist yet are made.
 *
 * @throws conflict when the attachment has addresses already or an address that is wished for is taken; exhausted when a
 *   set is; invalid-input for a wish that no set holds
 */
export async function leaseAddresses(
  context: Context,
  request: AddressLeaseRequest,
): Promise<readonly LeasedAddress[]> {
  return context.state.transact((tx) => takeAddresses(tx, request));
}

/** The same as a part of a transaction. @throws the same */
export function takeAddresses(tx: StateTransaction, request: AddressLeaseRequest): readonly LeasedAddress[] {
  const [held] = tx.leasesOf(request.owner);
  if (held !== undefined) {
    throw new TsnetError('conflict', `allocate addresses: the attachment has ${held.ip} already`, {
      subject: `address ${held.ip}`,
      hint: 'end the attachment first: a second address for it would never be given back',
    });
  }
  const wishes = new Set(request.wanted);
  const leased = request.sets.map((sources) => leaseOne(tx, request, sources, wishes));
  const [stray] = wishes;
  if (stray !== undefined) throw invalid('address', stray, whatIsThere(request.sets));
  return leased;
}

/** Gives back every address of an attachment. One that has none is success. */
export async function releaseAddresses(context: Context, owner: string): Promise<void> {
  if (context.state.read((view) => view.leasesOf(owner)).length === 0) return;
  await context.state.transact((tx) => {
    for (const { pool, ip } of tx.leasesOf(owner)) freeLease(tx, pool, ip);
  });
}

/** The addresses that an attachment has. */
export function leasedAddresses(context: Context, owner: string): readonly Ip[] {
  return context.state.read((view) => view.leasesOf(owner)).map(({ ip }) => ip);
}

/** The pools that the sources of a space's addresses belong to. */
export function poolIdsOf(space: AddressSpace, sets: AddressLeaseRequest['sets']): readonly PoolId[] {
  return [...new Set(sets.flat().map(({ subnet }) => poolIdOf({ space, subnet })))];
}

/** Forgets the pools of networks that have ended, where no attachment has an address of them. */
export async function releaseIdlePools(context: Context, networks: readonly Network[]): Promise<void> {
  await context.state.transact((tx) => {
    const living = new Set(tx.networks().flatMap(({ pools }) => pools));
    for (const id of networks.flatMap(({ pools }) => pools)) {
      const isIdle = !living.has(id) && tx.leases(id).every(({ kind }) => kind !== 'endpoint');
      if (isIdle) tx.deletePool(id);
    }
  });
}

/**
 * Gives back the addresses of a space that belong to none of some owners, all at one moment: what is taken later stays.
 * Those that endpoints took together with themselves go with them, and are left alone.
 */
export async function keepAddressesOf(
  context: Context,
  space: AddressSpace,
  owners: ReadonlySet<string>,
): Promise<void> {
  const others = (view: StateView) =>
    view
      .pools()
      .filter((pool) => pool.space === space)
      .flatMap(({ id }) => view.leases(id))
      .filter(({ kind, owner }) => kind === 'endpoint' && owner !== undefined && !owners.has(owner))
      .filter(({ owner = '' }) => !isOfEndpoint(owner));
  if (context.state.read((view) => others(view).length) === 0) return;
  await context.state.transact((tx) => {
    for (const { pool, ip } of others(tx)) freeLease(tx, pool, ip);
  });
}

/** The sets of which no address is left, as their ranges. */
export async function exhaustedSets(
  context: Context,
  space: AddressSpace,
  sets: AddressLeaseRequest['sets'],
): Promise<readonly string[]> {
  return context.state.transact((tx) => {
    const isLeft = (source: AddressSource) => {
      const pool = poolOf(tx, space, source.subnet);
      // A pool that nobody has asked for yet is whole.
      return pool === undefined || hasFree(pool, tx.nodes(pool.id), source);
    };
    return sets.filter((sources) => !sources.some(isLeft)).map((sources) => whatIsThere([sources]));
  });
}

function leaseOne(
  tx: StateTransaction,
  request: AddressLeaseRequest,
  sources: readonly AddressSource[],
  wishes: Set<Ip>,
): LeasedAddress {
  const pools = sources.map((source) => ({ source, pool: ensurePool(tx, request.space, source) }));
  const wish = [...wishes].find((ip) => sources.some((source) => isWithin(ip, source)));
  if (wish !== undefined) wishes.delete(wish);
  const candidates = wish === undefined ? pools : pools.filter(({ source }) => isWithin(wish, source));
  const take = ({ source, pool }: (typeof pools)[number]): LeasedAddress => {
    if (wish !== undefined) refuseTaken(tx, pool, wish);
    // Read again: a source before this one may have moved the pool's cursor.
    const { ip, pool: moved } = takeAddress(tx, request.space as NetworkId, tx.pool(pool.id) ?? pool, {
      kind: 'endpoint',
      within: source,
      ...(wish === undefined ? {} : { address: wish }),
    });
    tx.putPool(moved);
    tx.putLease({ pool: pool.id, ip, kind: 'endpoint', owner: request.owner, createdAt: nowSeconds() });
    return {
      address: addressIn(ip, pool.subnet),
      ...(source.gateway === undefined ? {} : { gateway: source.gateway }),
      pool: pool.id,
    };
  };
  return firstThatGives(
    candidates,
    take,
    () =>
      new TsnetError('exhausted', `allocate an address: none is left of ${whatIsThere([sources])}`, {
        hint: 'remove attachments that are not needed, or make the ranges larger',
      }),
  );
}

function refuseTaken(tx: StateTransaction, pool: Pool, ip: Ip): void {
  const lease = tx.lease(pool.id, ip);
  if (lease === undefined) return;
  const holder = lease.kind === 'gateway' ? 'the gateway has it' : 'another attachment has it';
  throw new TsnetError('conflict', `allocate address ${ip} of ${pool.subnet}: ${holder}`, {
    subject: `address ${ip}`,
    hint: 'choose another one or none',
  });
}

/** The pool of a subnet, with the gateway kept from attachments. */
function ensurePool(tx: StateTransaction, space: AddressSpace, { subnet, gateway }: AddressSource): Pool {
  const pool = poolOf(tx, space, subnet) ?? createPool(tx, space, subnet);
  if (gateway === undefined || !contains(subnet, gateway)) return pool;
  const lease = tx.lease(pool.id, gateway);
  if (lease?.kind === 'gateway') return pool;
  for (const { ip, kind } of tx.leases(pool.id)) if (kind === 'gateway') freeLease(tx, pool.id, ip);
  allocate(pool, tx.nodes(pool.id), { kind: 'gateway', address: gateway });
  tx.putLease({ pool: pool.id, ip: gateway, kind: 'gateway', createdAt: nowSeconds() });
  return pool;
}

/** Makes a pool. Where the network had another subnet before, what attachments have of both is theirs still. */
function createPool(tx: StateTransaction, space: AddressSpace, subnet: Subnet): Pool {
  const others = tx.pools().filter((pool) => pool.space === space);
  const replaced = others.filter((pool) => contains(subnet, pool.subnet) || contains(pool.subnet, subnet));
  const leases = replaced.flatMap(({ id }) => tx.leases(id)).filter(({ kind }) => kind === 'endpoint');
  for (const { id } of replaced) tx.deletePool(id);
  const pool = requestPool(tx.pools(), [], { space, subnet });
  tx.putPool(pool);
  for (const lease of leases.filter(({ ip }) => contains(subnet, ip))) {
    allocate(pool, tx.nodes(pool.id), { kind: 'endpoint', address: lease.ip });
    tx.putLease({ ...lease, pool: pool.id });
  }
  return pool;
}

function poolOf(tx: StateTransaction, space: AddressSpace, subnet: Subnet): Pool | undefined {
  return tx.pool(poolIdOf({ space, subnet }));
}

/** Whether addresses of a source may be this one. */
export function isWithin(ip: Ip, { first, last }: Pick<AddressSource, 'first' | 'last'>): boolean {
  const number = ipToNumber(ip);
  return familyOf(ip) === familyOf(first) && number >= ipToNumber(first) && number <= ipToNumber(last);
}

function whatIsThere(sets: AddressLeaseRequest['sets']): string {
  const ranges = sets.flat().map(({ first, last }) => `${first} to ${last}`);
  return ranges.length === 0
    ? 'none, as there is no range'
    : `one address of each set of ${ranges.join(', ')}`;
}
