import type {
  Endpoint,
  EndpointId,
  Ip,
  NamedSandbox,
  Network,
  NetworkId,
  PoolId,
  Port,
  Protocol,
  SandboxName,
} from '../model/index.ts';
import type { Lease, Pool } from '../ipam/index.ts';
import { afterBoot } from './durable.ts';
import { unfinishedJournals, type Author, type Interrupted } from './journal.ts';
import { keys, type HostPort, type Key, type KeyOf } from './keys.ts';
import type { PortHolder } from './port-holder.ts';
import { decodeEnvelope, valueOf, type Envelope } from './records.ts';
import type { Reader } from './store.ts';

/** What is decided, as of one instant. What ended with an earlier boot is not there. Lists are in the order of ids. */
export class StateView {
  readonly #reader: Reader;
  readonly #boot: string;
  readonly #author: Author | undefined;

  /** @param author who asks; absent where nobody asks for operations */
  constructor(reader: Reader, boot: string, author?: Author) {
    this.#reader = reader;
    this.#boot = boot;
    this.#author = author;
  }

  network(id: NetworkId): Network | undefined {
    return this.get(keys.network(id));
  }

  networks(): Network[] {
    return this.list(keys.network());
  }

  endpoint(network: NetworkId, id: EndpointId): Endpoint | undefined {
    return this.get(keys.endpoint(network, id));
  }

  /** The endpoints of one network or of all. */
  endpoints(network?: NetworkId): Endpoint[] {
    return this.list(keys.endpoint(network));
  }

  /** The endpoint that has an address in a network. */
  addressOwner(network: NetworkId, ip: Ip): EndpointId | undefined {
    return this.get(keys.address(network, ip));
  }

  pool(id: PoolId): Pool | undefined {
    return this.get(keys.pool(id));
  }

  pools(): Pool[] {
    return this.list(keys.pool());
  }

  lease(pool: PoolId, ip: Ip): Lease | undefined {
    return this.get(keys.lease(pool, ip));
  }

  /** The leases of one pool or of all. */
  leases(pool?: PoolId): Lease[] {
    return this.list(keys.lease(pool));
  }

  /** The leases that an owner has, in whatever pools, at a cost that does not depend on how many others there are. */
  leasesOf(owner: string): Lease[] {
    return this.list(keys.leaseOf(owner)).flatMap(({ pool, ip }) => this.lease(pool, ip) ?? []);
  }

  /** Every port of the host that somebody has. */
  ports(): (PortHolder & HostPort)[] {
    return this.entries<PortHolder>(['port']).map(([[, protocol, hostPort], holder]) => ({
      ...holder,
      protocol: protocol as Protocol,
      hostPort: hostPort as Port,
    }));
  }

  /** Every address of a network that somebody has. */
  addresses(): { readonly network: NetworkId; readonly ip: Ip; readonly endpoint: EndpointId }[] {
    return this.entries<EndpointId>(['address']).map(([[, network, ip], endpoint]) => ({
      network: network as NetworkId,
      ip: ip as Ip,
      endpoint,
    }));
  }

  /** Who has a port of the host, on whatever address. */
  portHolders(protocol: Protocol, port: Port): PortHolder[] {
    return this.list(keys.port(protocol, port));
  }

  sandbox(name: SandboxName): NamedSandbox | undefined {
    return this.get(keys.sandbox(name));
  }

  /** The sandboxes that tsnet runs itself, in the order of names. */
  sandboxes(): NamedSandbox[] {
    return this.list(keys.sandbox());
  }

  /** The operations that were interrupted, oldest first: their processes ended before they were complete or taken back. */
  unfinished(): Interrupted[] {
    return this.#author === undefined ? [] : unfinishedJournals(this.#reader, this.#boot, this.#author);
  }

  /** The host port that was chosen last by tsnet itself. */
  lastDynamicPort(protocol: Protocol): Port | undefined {
    return this.get(keys.lastDynamicPort(protocol));
  }

  protected get<T>(key: KeyOf<T>): T | undefined {
    const bytes = this.#reader.get(key);
    return bytes === undefined ? undefined : this.#current(key, decodeEnvelope(bytes));
  }

  protected list<T>(prefix: KeyOf<T>): T[] {
    return this.entries(prefix).map(([, value]) => value);
  }

  protected entries<T>(prefix: KeyOf<T>): (readonly [Key, T])[] {
    const found: (readonly [Key, T])[] = [];
    for (const { key, bytes, envelope } of this.#reader.list(prefix)) {
      const value = this.#current<T>(key, envelope ?? decodeEnvelope(bytes));
      if (value !== undefined) found.push([key, value]);
    }
    return found;
  }

  #current<T>(key: KeyOf<T>, envelope: Envelope): T | undefined {
    const isOfOtherBoot = envelope.boot !== undefined && envelope.boot !== this.#boot;
    const current = isOfOtherBoot ? afterBoot(key, envelope) : envelope;
    return current === undefined ? undefined : (valueOf(key, current) as T);
  }
}
