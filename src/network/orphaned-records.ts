import { ipOf } from '../model/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import type { Context } from './context.ts';
import { freeLease, isOfEndpoint, leaseOwner } from './leases.ts';

/** What a record says that an endpoint has which does not exist, or does not have it. */
type OrphanedRecord =
  | { readonly kind: 'address'; readonly record: ReturnType<StateView['addresses']>[number] }
  | { readonly kind: 'port'; readonly record: ReturnType<StateView['ports']>[number] }
  | { readonly kind: 'lease'; readonly record: ReturnType<StateView['leases']>[number] };

/**
 * Forgets addresses, ports and leases that nobody has. An endpoint is recorded together with all of them, so one that is
 * not recorded has nothing.
 *
 * @returns what was forgotten, one line each
 */
export async function forgetOrphanedRecords(context: Context): Promise<readonly string[]> {
  if (findOrphanedRecords(context).length === 0) return [];
  return context.state.transact((tx) => find(tx).map((orphan) => forget(tx, orphan)));
}

/** The same without forgetting them. */
export function findOrphanedRecords({ state }: Context): readonly string[] {
  return state.read(find).map(format);
}

function find(view: StateView): OrphanedRecord[] {
  const endpoints = view.endpoints();
  const addresses = new Set(
    endpoints.flatMap((one) => one.addresses.map((ip) => `${one.network}/${one.id}/${ipOf(ip)}`)),
  );
  const ports = new Set(
    endpoints.flatMap((one) => one.ports.map((port) => `${one.network}/${one.id}/${nameOf(port)}`)),
  );
  const owners = new Set(endpoints.map(({ id }) => leaseOwner(id)));
  return [
    ...view
      .addresses()
      .filter(({ network, endpoint, ip }) => !addresses.has(`${network}/${endpoint}/${ip}`))
      .map((record) => ({ kind: 'address' as const, record })),
    ...view
      .ports()
      .filter((record) => !ports.has(`${record.network}/${record.endpoint}/${nameOf(record)}`))
      .map((record) => ({ kind: 'port' as const, record })),
    ...view
      .leases()
      .filter(({ owner = '' }) => isOfEndpoint(owner) && !owners.has(owner))
      .map((record) => ({ kind: 'lease' as const, record })),
  ];
}

function forget(tx: StateTransaction, orphan: OrphanedRecord): string {
  if (orphan.kind === 'address') tx.deleteAddress(orphan.record.network, orphan.record.ip);
  else if (orphan.kind === 'port') tx.deletePort(orphan.record);
  else freeLease(tx, orphan.record.pool, orphan.record.ip);
  return format(orphan);
}

function format({ kind, record }: OrphanedRecord): string {
  if (kind === 'port') return `port ${nameOf(record)}: its endpoint does not exist`;
  return `${kind} ${record.ip}: its endpoint does not exist`;
}

function nameOf({ protocol, hostIp, hostPort }: Parameters<StateTransaction['deletePort']>[0]): string {
  return `${protocol} ${hostIp ?? '*'}:${hostPort}`;
}
