import {
  TsnetError,
  ipOf,
  shortId,
  type Endpoint,
  type EndpointId,
  type Ip,
  type NamedSandbox,
  type Network,
  type NetworkId,
  type Port,
  type Protocol,
  type PoolId,
  type SandboxName,
} from '../model/index.ts';
import { shareAddress, type Lease, type NodeStore, type Pool } from '../ipam/index.ts';
import type { Author, Image } from './journal.ts';
import { formatKey, keys, type HostPort, type Key, type KeyOf } from './keys.ts';
import type { PortHolder } from './port-holder.ts';
import { decodeEnvelope, encodeRecord, envelopeOf, type Envelope } from './records.ts';
import type { Writer } from './store.ts';
import { StateView } from './view.ts';

// The others follow from these: the tree of a pool and what an owner has from the leases.
const undoableKinds: ReadonlySet<string> = new Set([
  'network',
  'endpoint',
  'address',
  'port',
  'pool',
  'lease',
]);

/** A change of what is decided. Reads see what was written before; nothing is kept if anything is thrown. */
export class StateTransaction extends StateView {
  readonly #writer: Writer;
  readonly #boot: string;
  readonly #images = new Map<string, Required<Image>>();
  /** What was read and not written since: an operation looks at its network and its endpoint again and again. */
  readonly #seen = new Map<string, unknown>();

  constructor(writer: Writer, boot: string, author?: Author) {
    super(writer, boot, author);
    this.#writer = writer;
    this.#boot = boot;
  }

  /** What was written so far and is otherwise than before. */
  get images(): readonly Image[] {
    return [...this.#images.values()].filter((image) => !isUnchanged(image));
  }

  putNetwork(network: Network): void {
    this.#put(keys.network(network.id), network);
  }

  /** Forgets a network; its endpoints are records of their own. */
  deleteNetwork(id: NetworkId): void {
    this.#remove(keys.network(id));
  }

  /** Writes an endpoint. @throws conflict if another endpoint of the network has one of its addresses */
  putEndpoint(endpoint: Endpoint): void {
    const { network, id } = endpoint;
    const before = this.endpoint(network, id);
    if (before?.addresses.join() !== endpoint.addresses.join()) {
      this.#forgetAddresses(before);
      for (const address of endpoint.addresses) this.#claimAddress(network, id, ipOf(address));
    }
    this.#putForBoot(keys.endpoint(network, id), endpoint);
  }

  /** Forgets who has an address of a network. */
  deleteAddress(network: NetworkId, ip: Ip): void {
    this.#remove(keys.address(network, ip));
  }

  /** Forgets an endpoint, its addresses in the network and its ports. */
  deleteEndpoint(network: NetworkId, id: EndpointId): void {
    const endpoint = this.endpoint(network, id);
    this.#forgetAddresses(endpoint);
    for (const binding of endpoint?.ports ?? []) {
      if (this.get(keys.portOf(binding))?.endpoint === id) this.deletePort(binding);
    }
    this.#remove(keys.endpoint(network, id));
  }

  putPool(pool: Pool): void {
    this.#put(keys.pool(pool.id), pool);
  }

  /** Forgets a pool with all its leases and its address tree. */
  deletePool(id: PoolId): void {
    for (const { ip } of this.leases(id)) this.deleteLease(id, ip);
    for (const prefix of [keys.lease(id), keys.nodes(id)]) {
      for (const { key } of this.#writer.list(prefix)) this.#remove(key);
    }
    this.#remove(keys.pool(id));
  }

  /** Writes a lease. Those of endpoints end with this boot. */
  putLease(lease: Lease): void {
    const key = keys.lease(lease.pool, lease.ip);
    if (lease.kind === 'endpoint') this.#putForBoot(key, lease);
    else this.#put(key, lease);
    if (lease.owner === undefined) return;
    const { pool, ip } = lease;
    this.#putForBoot(keys.leaseOf(lease.owner, pool, ip), { pool, ip });
  }

  deleteLease(pool: PoolId, ip: Ip): void {
    const owner = this.lease(pool, ip)?.owner;
    if (owner !== undefined) this.#remove(keys.leaseOf(owner, pool, ip));
    this.#remove(keys.lease(pool, ip));
  }

  /** The address tree of a pool, as part of this change. */
  nodes(pool: PoolId): NodeStore {
    const key = (level: number, index: bigint) => keys.node(pool, level, index);
    return {
      get: (level, index) => this.#writer.get(key(level, index)),
      put: (level, index, node) => this.#writer.put(key(level, index), node),
      delete: (level, index) => this.#writer.remove(key(level, index)),
    };
  }

  /** Gives a host port to an endpoint. @throws conflict if an endpoint holds it already, even the same one */
  putPort(binding: HostPort, holder: Pick<PortHolder, 'network' | 'endpoint'>): void {
    const { protocol, hostPort, hostIp } = binding;
    for (const other of this.portHolders(protocol, hostPort)) {
      if (!shareAddress(other.hostIp, hostIp)) continue;
      if (this.endpoint(other.network, other.endpoint) === undefined) {
        this.deletePort({
          protocol,
          hostPort,
          ...(other.hostIp === undefined ? {} : { hostIp: other.hostIp }),
        });
        continue;
      }
      const subject = `port ${hostPort}/${protocol}`;
      throw new TsnetError(
        'conflict',
        `publish ${subject}: it is held by endpoint ${shortId(other.endpoint)}`,
        {
          subject,
        },
      );
    }
    const record: PortHolder = {
      network: holder.network,
      endpoint: holder.endpoint,
      owner: `endpoint:${holder.endpoint}`,
      ...(hostIp === undefined ? {} : { hostIp }),
    };
    this.#putForBoot(keys.portOf(binding), record);
  }

  deletePort(binding: HostPort): void {
    this.#remove(keys.portOf(binding));
  }

  /** Writes a sandbox. After this boot it has ended, or is forgotten. */
  putSandbox(sandbox: NamedSandbox): void {
    this.#putForBoot(keys.sandbox(sandbox.name), sandbox);
  }

  deleteSandbox(name: SandboxName): void {
    this.#remove(keys.sandbox(name));
  }

  /** Remembers the host port that tsnet chose by itself, so that the next choice goes on after it. */
  putLastDynamicPort(protocol: Protocol, port: Port): void {
    this.#put(keys.lastDynamicPort(protocol), port);
  }

  #claimAddress(network: NetworkId, id: EndpointId, ip: Ip): void {
    const owner = this.addressOwner(network, ip);
    if (owner !== undefined && owner !== id && this.endpoint(network, owner) !== undefined) {
      throw new TsnetError(
        'conflict',
        `give address ${ip} to endpoint ${shortId(id)}: ${shortId(owner)} has it`,
        {
          subject: `address ${ip}`,
        },
      );
    }
    this.#putForBoot(keys.address(network, ip), id);
  }

  #forgetAddresses(endpoint: Endpoint | undefined): void {
    for (const address of endpoint?.addresses ?? []) {
      this.#remove(keys.address((endpoint as Endpoint).network, ipOf(address)));
    }
  }

  protected override get<T>(key: KeyOf<T>): T | undefined {
    const name = formatKey(key);
    if (!this.#seen.has(name)) this.#seen.set(name, super.get(key));
    return this.#seen.get(name) as T | undefined;
  }

  #put<T>(key: KeyOf<T>, value: T): void {
    this.#keepImage(key, envelopeOf(key, value));
    this.#writer.put(key, encodeRecord(key, value));
  }

  #putForBoot<T>(key: KeyOf<T>, value: T): void {
    this.#keepImage(key, envelopeOf(key, value, this.#boot));
    this.#writer.put(key, encodeRecord(key, value, this.#boot));
  }

  #remove(key: Key): void {
    this.#keepImage(key, null);
    this.#writer.remove(key);
  }

  #keepImage(key: Key, after: Envelope | null): void {
    const name = formatKey(key);
    this.#seen.delete(name);
    if (!undoableKinds.has(key[0])) return;
    const known = this.#images.get(name);
    const before = known === undefined ? this.#writer.get(key) : undefined;
    this.#images.set(name, {
      key,
      before: known?.before ?? (before === undefined ? null : decodeEnvelope(before)),
      after,
    });
  }
}

/** Of a pool that was there and is there nothing is to be undone: the address handed out last decides nothing. */
function isUnchanged({ key, before, after }: Required<Image>): boolean {
  if (before === null || after === null) return before === after;
  return key[0] === 'pool' || JSON.stringify(before) === JSON.stringify(after);
}
