import type { NetworkId, TsnetError } from '../../src/model/index.ts';

/** One operation; with `killAt` its process is killed at that step, or after its end if that comes first. */
export type Operation = { readonly killAt?: number } & (
  | { readonly do: 'create' | 'delete'; readonly network: number }
  | { readonly do: 'attach'; readonly network: number; readonly container: number; readonly port?: number }
  | { readonly do: 'detach' | 'lose link'; readonly network: number; readonly container: number }
  | { readonly do: 'sweep' | 'recover' | 'restart' | 'flush' | 'reboot' }
);

/** What is said to be so: `there` was acknowledged; `unknown` is what whoever was killed was about to make or to end. */
type Belief = 'there' | 'unknown';

export interface KnownEndpoint {
  readonly belief: Belief;
  readonly network: number;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  /** Others have deleted its link. */
  readonly isBroken?: true;
}

export interface KnownNetwork {
  readonly belief: Belief;
  readonly id: NetworkId;
}

/** A subnet of 8 gives 5 addresses, and one of 4 gives 1: its own, its broadcast and its gateway are nobody's. */
const capacities = [5, 1] as const;

/** The prefix lengths of the networks' subnets. */
export const prefixes = [29, 30] as const;

/** What an operation told that succeeded, or was about to make. */
export interface Made {
  readonly network: NetworkId | undefined;
  readonly address: string | undefined;
}

/** What must be so after the operations so far, by what was acknowledged and what was killed: the reference of the model. */
export class Reference {
  readonly networks = new Map<number, KnownNetwork>();
  readonly endpoints = new Map<string, KnownEndpoint>();

  /** Takes in what became of an operation. */
  believe(operation: Operation, outcome: 'success' | 'killed', made: Made): void {
    const belief = outcome === 'success' ? 'there' : 'unknown';
    switch (operation.do) {
      case 'create':
        if (this.networks.get(operation.network)?.belief !== 'there')
          this.networks.set(operation.network, { belief, id: made.network as NetworkId });
        return;
      case 'delete': {
        const known = this.networks.get(operation.network);
        if (known === undefined) return;
        const ended = [...this.endpoints].filter(([, { network }]) => network === operation.network);
        if (outcome === 'killed') {
          this.networks.set(operation.network, { ...known, belief });
          for (const [key, endpoint] of ended) this.endpoints.set(key, { ...endpoint, belief });
          return;
        }
        this.networks.delete(operation.network);
        for (const [key] of ended) this.endpoints.delete(key);
        return;
      }
      case 'attach': {
        const key = keyOf(operation);
        if (this.endpoints.get(key)?.belief === 'there') return;
        const { network, port } = operation;
        this.endpoints.set(key, {
          belief,
          network,
          port,
          ...(outcome === 'success' ? { address: made.address } : {}),
        });
        return;
      }
      case 'detach': {
        const known = this.endpoints.get(keyOf(operation));
        if (known === undefined) return;
        if (outcome === 'success') this.endpoints.delete(keyOf(operation));
        else this.endpoints.set(keyOf(operation), { ...known, belief });
        return;
      }
      case 'lose link': {
        const known = this.endpoints.get(keyOf(operation));
        if (known !== undefined)
          this.endpoints.set(keyOf(operation), { ...known, belief: 'unknown', isBroken: true });
        return;
      }
      case 'reboot':
        this.endpoints.clear();
        return;
      case 'sweep':
      case 'recover':
      case 'restart':
      case 'flush':
    }
  }

  /**
   * Whether an operation may fail so: because of what is there. What is unknown counts only if it is recorded.
   *
   * @param recorded the numbers of the networks, and what is known of endpoints, that have a record after the failure
   */
  isLegitimate(operation: Operation, { kind }: TsnetError, recorded: Recorded): boolean {
    if (operation.do === 'create') return kind === 'conflict' && recorded.networks.has(operation.network);
    if (operation.do !== 'attach') return false;
    const { network, port } = operation;
    const others = [...this.endpoints]
      .filter(([key]) => recorded.endpoints.has(key))
      .map(([, known]) => known);
    if (kind === 'not-found') return this.networks.get(network)?.belief !== 'there';
    if (kind === 'exhausted') {
      return others.filter((one) => one.network === network).length >= (capacities[network] ?? 0);
    }
    const isTaken = port !== undefined && others.some((one) => one.port === port);
    return kind === 'conflict' && (recorded.endpoints.has(keyOf(operation)) || isTaken);
  }
}

/** What has a record, known as the reference knows it. */
export interface Recorded {
  readonly networks: ReadonlySet<number>;
  readonly endpoints: ReadonlySet<string>;
}

/** How an endpoint is known. */
export function keyOf({
  network,
  container,
}: {
  readonly network: number;
  readonly container: number;
}): string {
  return `${network}/${container}`;
}
