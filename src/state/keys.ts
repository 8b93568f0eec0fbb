import type {
  Endpoint,
  EndpointId,
  Ip,
  NamedSandbox,
  Network,
  NetworkId,
  Port,
  PortBinding,
  Protocol,
  PoolId,
  SandboxName,
} from '../model/index.ts';
import type { Lease, LeaseReference, Pool } from '../ipam/index.ts';
import type { PortHolder } from './port-holder.ts';

/** A key of the store: its parts in order, the kind of record first. Keys sort part by part. */
export type Key = readonly [kind: string, ...rest: readonly (string | number)[]];

/** The key of a record, or the common beginning of the keys of several, that knows the type of what is stored. */
export type KeyOf<T> = Key & { readonly __record?: T };

/** The keys of all records; ids left out give the beginning that several have in common. */
export const keys = {
  network: (id?: NetworkId): KeyOf<Network> => keyOf('network', id),
  endpoint: (network?: NetworkId, id?: EndpointId): KeyOf<Endpoint> => keyOf('endpoint', network, id),
  address: (network: NetworkId, ip: Ip): KeyOf<EndpointId> => keyOf('address', network, ip),
  port: (protocol: Protocol, port: Port): KeyOf<PortHolder> => keyOf('port', protocol, port),
  portOf: ({ protocol, hostPort, hostIp }: HostPort): KeyOf<PortHolder> =>
    keyOf('port', protocol, hostPort, hostIp ?? '*'),
  lastDynamicPort: (protocol: Protocol): KeyOf<Port> => keyOf('meta', 'last-dynamic-port', protocol),
  pool: (id?: PoolId): KeyOf<Pool> => keyOf('pool', id),
  lease: (pool?: PoolId, ip?: Ip): KeyOf<Lease> => keyOf('lease', pool, ip),
  leaseOf: (owner: string, pool?: PoolId, ip?: Ip): KeyOf<LeaseReference> =>
    keyOf('lease-of', owner, pool, ip),
  sandbox: (name?: SandboxName): KeyOf<NamedSandbox> => keyOf('sandbox', name),
  nodes: (pool: PoolId): Key => keyOf('node', pool),
  node: (pool: PoolId, level: number, index: bigint): Key => keyOf('node', pool, level, index.toString(36)),
} as const;

/** The part of a port binding that only one endpoint can have. */
export type HostPort = Pick<PortBinding, 'protocol' | 'hostPort' | 'hostIp'>;

function keyOf(kind: string, ...rest: readonly (string | number | undefined)[]): Key {
  return [kind, ...rest.filter((part) => part !== undefined)];
}

/** Whether a key begins with the parts of another. */
export function beginsWith(key: Key, prefix: Key | readonly []): boolean {
  return prefix.every((part, index) => key[index] === part);
}

/** A key as text, for people: `endpoint/4f2a/77`. */
export function formatKey(key: Key): string {
  return key.join('/');
}
