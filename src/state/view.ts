import type { Endpoint, EndpointId, Ip, Network, NetworkId, PoolId, Port, Protocol } from '../model/index.ts';
import type { Lease, Pool } from '../ipam/index.ts';
import { keys, type KeyOf } from './keys.ts';
import type { PortHolder } from './port-holder.ts';
import { decodeEnvelope, valueOf } from './records.ts';
import type { Reader } from './store.ts';

/** What is decided, as of one instant. Records of an earlier boot are not there. Lists are in the order of ids. */
export class StateView {
  readonly #reader: Reader;
  readonly #boot: string;

  constructor(reader: Reader, boot: string) {
    this.#reader = reader;
    this.#boot = boot;
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

  /** Who has a port of the host, on whatever address. */
  portHolders(protocol: Protocol, port: Port): PortHolder[] {
    return this.list(keys.port(protocol, port));
  }

  /** The host port that was chosen last by tsnet itself. */
  lastDynamicPort(protocol: Protocol): Port | undefined {
    return this.get(keys.lastDynamicPort(protocol));
  }

  protected get<T>(key: KeyOf<T>): T | undefined {
    const bytes = this.#reader.get(key);
    return bytes === undefined ? undefined : this.#current(key, bytes);
  }

  protected list<T>(prefix: KeyOf<T>): T[] {
    const values: T[] = [];
    for (const { key, bytes } of this.#reader.list(prefix)) {
      const value = this.#current<T>(key, bytes);
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  #current<T>(key: KeyOf<T>, bytes: Uint8Array): T | undefined {
    const envelope = decodeEnvelope(bytes);
    if (envelope.boot !== undefined && envelope.boot !== this.#boot) return undefined;
    return valueOf(key, envelope) as T;
  }
}
