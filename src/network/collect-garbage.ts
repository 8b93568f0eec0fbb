import { stat } from 'node:fs/promises';
import type { Endpoint, EngineUse, NetworkId, Sandbox } from '../model/index.ts';
import { isSameNamespace } from '../observe/index.ts';
import { withdraw } from './commit.ts';
import type { Context } from './context.ts';
import { findGarbage, leasesOf, ownersOf, type Garbage, type GarbageRules } from './find-garbage.ts';
import { freeLease } from './leases.ts';

/** Remembers which engine has a network or uses a pool, so that its word counts when it has it no longer. */
export async function noteEngine(
  context: Context,
  { engine, networks, subnets }: Pick<EngineUse, 'engine' | 'networks' | 'subnets'>,
): Promise<void> {
  const isNews = (one: { readonly engine?: string }) => one.engine !== engine;
  const find = (view: Parameters<Parameters<Context['state']['read']>[0]>[0]) => {
    const known = view.networks().filter(({ id, origin }) => origin === 'docker' && networks.has(id));
    const bound = new Set(known.flatMap(({ pools }) => pools));
    return {
      networks: known.filter(isNews),
      pools: view
        .pools()
        .filter((pool) => bound.has(pool.id) || (pool.space === 'local' && subnets.has(pool.subnet)))
        .filter(isNews),
    };
  };
  const news = context.state.read(find);
  if (news.networks.length + news.pools.length === 0) return;
  await context.state.transact((tx) => {
    const { networks: seen, pools } = find(tx);
    for (const network of seen) tx.putNetwork({ ...network, engine });
    for (const pool of pools) tx.putPool({ ...pool, engine });
  });
}

/** What was seen in one look. */
export interface Look {
  readonly use: EngineUse;
  readonly garbage: readonly Garbage[];
  /** Whether something was too young to be judged. */
  readonly hasYoung: boolean;
}

/**
 * Asks an engine what it has, notes it, and gives the records of what it does not know any more.
 *
 * @param ask gets the networks to look at in any case
 */
export async function lookForGarbage(
  context: Context,
  ask: (ours: ReadonlySet<NetworkId>) => Promise<EngineUse>,
  leastAgeSeconds: number,
): Promise<Look> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  // What is made from here on is younger than any age.
  const ours = context.state.read((view) => new Set(view.networks().map(({ id }) => id)));
  const rules: GarbageRules = { nowSeconds, leastAgeSeconds: Math.max(leastAgeSeconds, 1) };
  const use = await ask(ours);
  await noteEngine(context, use);
  const dead = await findDeadEndpoints(context, rules);
  // Of a sandbox that it made itself an engine knows better.
  const withoutEngine = dead.filter(isPlaced);
  return context.state.read((view) => {
    const garbage = findGarbage(view, use, rules);
    const ofAnyAge = findGarbage(view, use, { ...rules, leastAgeSeconds: Number.NEGATIVE_INFINITY });
    return {
      use,
      garbage: [...garbage, ...withoutEngine],
      hasYoung: ofAnyAge.length > garbage.length,
    };
  });
}

/** Endpoints that are dead whatever an engine says: their sandbox and their link are gone. */
export async function findDeadEndpoints(
  { state, kernel }: Context,
  { nowSeconds, leastAgeSeconds }: GarbageRules,
): Promise<Garbage[]> {
  const joined = state
    .read((view) => view.endpoints())
    .filter(({ sandbox, createdAt }) => sandbox !== undefined && nowSeconds - createdAt >= leastAgeSeconds);
  const links = await kernel.rtnetlink.readLinks(joined.map(({ hostLink }) => hostLink));
  const found: Garbage[] = [];
  for (const record of joined) {
    if (links.has(record.hostLink) || (await isThere(record.sandbox))) continue;
    found.push({ kind: 'endpoint', record, why: 'its sandbox and its link are gone' });
  }
  return found;
}

/** Whether it is an endpoint whose sandbox no engine made, so that nobody else knows more of it. */
export function isPlaced(one: Garbage): one is Extract<Garbage, { kind: 'endpoint' }> {
  return one.kind === 'endpoint' && one.record.sandbox?.placement !== undefined;
}

/** What two looks have in common, record for record: what was in motion at the first is left out. */
export function inBoth(first: readonly Garbage[], second: readonly Garbage[]): Garbage[] {
  const known = new Set(first.map((one) => JSON.stringify([one.kind, one.record])));
  return second.filter((one) => known.has(JSON.stringify([one.kind, one.record])));
}

/**
 * Ends what has ended, in the kernel and in the records. What has changed since it was judged is left alone.
 *
 * @param use what the engine has; absent when no engine was asked
 * @returns what was removed
 */
export async function collectGarbage(
  context: Context,
  garbage: readonly Garbage[],
  use?: EngineUse,
): Promise<Garbage[]> {
  const removed: Garbage[] = [];
  for (const one of garbage) if (await collect(context, one, use)) removed.push(one);
  await context.linkRemoval.idle();
  return removed;
}

async function collect(context: Context, one: Garbage, use: EngineUse | undefined): Promise<boolean> {
  switch (one.kind) {
    case 'endpoint':
      return collectEndpoint(context, one.record, use);
    case 'network':
      return collectNetwork(context, one, use);
    case 'pool':
      return context.state.transact((tx) => {
        const isBound = tx.networks().some(({ pools }) => pools.includes(one.record.id));
        const isSame = JSON.stringify(tx.pool(one.record.id)) === JSON.stringify(one.record);
        if (isBound || !isSame) return false;
        tx.deletePool(one.record.id);
        return true;
      });
    case 'lease':
      return context.state.transact((tx) => {
        const { pool, ip } = one.record;
        const isSame = JSON.stringify(tx.lease(pool, ip)) === JSON.stringify(one.record);
        if (!isSame || ownersOf(tx, tx.networks(), pool, ip).length > 0) return false;
        freeLease(tx, pool, ip);
        return true;
      });
  }
}

async function collectEndpoint(
  context: Context,
  endpoint: Endpoint,
  use: EngineUse | undefined,
): Promise<boolean> {
  const { network, id } = endpoint;
  return withdraw(context, { network, endpoints: [id] }, (tx) => {
    if (JSON.stringify(tx.endpoint(network, id)) !== JSON.stringify(endpoint)) return false;
    const leases = leasesOf(tx, tx.network(network), endpoint);
    tx.deleteEndpoint(network, id);
    for (const { pool, ip } of leases) if (use?.addresses.has(ip) !== true) freeLease(tx, pool, ip);
    return true;
  });
}

async function collectNetwork(
  context: Context,
  { record }: Extract<Garbage, { kind: 'network' }>,
  use: EngineUse | undefined,
): Promise<boolean> {
  return withdraw(context, { network: record.id, endpoints: 'all' }, (tx) => {
    if (JSON.stringify(tx.network(record.id)) !== JSON.stringify(record)) return false;
    for (const { id } of tx.endpoints(record.id)) tx.deleteEndpoint(record.id, id);
    tx.deleteNetwork(record.id);
    const bound = new Set(tx.networks().flatMap(({ pools }) => pools));
    for (const id of record.pools) {
      const pool = tx.pool(id);
      if (pool !== undefined && !bound.has(id) && use?.subnets.has(pool.subnet) !== true) tx.deletePool(id);
    }
    return true;
  });
}

async function isThere({ path, placement }: Sandbox = { path: '' }): Promise<boolean> {
  try {
    await stat(path);
    return placement === undefined || isSameNamespace({ path, netns: placement.netns });
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
}
