import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Rtnetlink } from '../../src/kernel/netlink/index.ts';
import {
  ipOf,
  parseEndpointId,
  parseIfName,
  parseNetworkId,
  parsePort,
  parseSubnet,
  TsnetError,
  type EndpointId,
  type IfName,
  type Network,
  type NetworkId,
} from '../../src/model/index.ts';
import {
  attach,
  createOwnNetwork,
  deleteNetwork,
  detach,
  findDrift,
  formatDrift,
  findOrphans,
  recover,
  sweepOrphans,
  type Context,
} from '../../src/network/index.ts';
import { hostLinkName } from '../../src/network/link-names.ts';
import { prefixes, Reference, type Operation, type Recorded } from './schedule-reference.ts';
import { Killed, startMortalProcess, type MortalProcess, type Place } from './mortal-process.ts';

/** Where a schedule runs: a host that is empty. */
export interface World {
  /** @param boot of the host, counted from 0 */
  place(boot: number): Place;
  /** Path of the namespace of a container. */
  sandbox(container: number): string;
  flushRules(): Promise<void>;
  deleteLink(name: string): Promise<void>;
  reboot(): Promise<void>;
  /** The links of a container, opened from its process. */
  openSandbox(path: string): Rtnetlink;
  /** What carries the mark of tsnet, one line each. */
  leftovers(): Promise<readonly string[]>;
}

/**
 * Runs a schedule, looks after each operation whether what was acknowledged is still there, and at its end whether every
 * record has an owner and the kernel holds what is decided. Then it ends everything, and looks that nothing stays.
 *
 * @returns what became of each operation, for comparing two worlds
 * @throws {Error} what did not hold, with the number of the operation
 */
export async function runSchedule(world: World, operations: readonly Operation[]): Promise<string[]> {
  const run = new Run(world);
  try {
    return await run.all(operations);
  } finally {
    run.dispose();
  }
}

class Run {
  readonly #world: World;
  readonly #reference = new Reference();
  readonly #openBlocking = Rtnetlink.openBlocking.bind(Rtnetlink);
  #boot = 0;
  #created = 0;
  #process: MortalProcess;

  constructor(world: World) {
    this.#world = world;
    this.#process = startMortalProcess(world.place(0));
    Rtnetlink.openBlocking = (path) => this.#process.guard(world.openSandbox(path as string));
  }

  dispose(): void {
    Rtnetlink.openBlocking = this.#openBlocking;
    this.#process[Symbol.dispose]();
  }

  async all(operations: readonly Operation[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (const [index, operation] of operations.entries()) {
      const at = `operation ${index} (${JSON.stringify(operation)})`;
      outcomes.push(await this.#one(operation, at));
      await this.#expectKept(at);
    }
    this.#restart();
    await recover(this.#context);
    await sweepOrphans(this.#context);
    await this.#process.idle();
    await this.#expectKept('recovery');
    await this.#expectWhole();
    outcomes.push(...this.#records());
    await this.#endAll();
    return outcomes;
  }

  get #context(): Context {
    return this.#process.context;
  }

  #restart(): void {
    this.#process[Symbol.dispose]();
    this.#process = startMortalProcess(this.#world.place(this.#boot));
  }

  async #one(operation: Operation, at: string): Promise<string> {
    if (operation.killAt !== undefined) this.#process.killAt(operation.killAt);
    let outcome = 'done';
    try {
      await this.#run(operation);
      if (operation.killAt === undefined) await this.#process.idle();
      else if (this.#process.isDead) throw new Killed();
      this.#believe(operation, 'success');
    } catch (error) {
      if (this.#process.isDead) {
        outcome = 'killed';
        this.#believe(operation, 'killed');
      } else if (
        error instanceof TsnetError &&
        this.#reference.isLegitimate(operation, error, this.#recorded())
      ) {
        outcome = error.kind;
      } else throw new Error(`${at} failed: ${String(error)}`, { cause: error });
    }
    if (operation.killAt !== undefined) {
      this.#process.kill();
      await this.#process.context.linkRemoval.idle();
      this.#restart();
    }
    return outcome;
  }

  #recorded(): Recorded {
    return this.#context.state.read((view) => ({
      networks: new Set(view.networks().map(({ name = '' }) => Number(name.slice(1)))),
      endpoints: new Set(
        [...this.#reference.endpoints.keys()].filter((key) => {
          const [network, container] = key.split('/').map(Number) as [number, number];
          return view.endpoint(this.#idOf(network), endpointId(network, container)) !== undefined;
        }),
      ),
    }));
  }

  #believe(operation: Operation, outcome: 'success' | 'killed'): void {
    this.#reference.believe(operation, outcome, { network: this.#creating, address: this.#attached });
  }

  async #run(operation: Operation): Promise<void> {
    const context = this.#context;
    switch (operation.do) {
      case 'create':
        return this.#create(operation.network);
      case 'delete':
        return deleteNetwork(context, this.#idOf(operation.network), { releasesPools: true });
      case 'attach': {
        const { endpoint } = await attach(context, {
          network: this.#idOf(operation.network),
          id: endpointId(operation.network, operation.container),
          container: { id: `c${operation.container}` },
          sandbox: this.#world.sandbox(operation.container),
          interfaceName: parseIfName(`eth${operation.network}`),
          routes: [],
          ports: operation.port === undefined ? [] : [portRequest(operation.port)],
          portKeepers: 'anybody',
        });
        const [address] = endpoint.addresses;
        this.#attached = address;
        return;
      }
      case 'detach':
        return detach(
          context,
          this.#idOf(operation.network),
          endpointId(operation.network, operation.container),
        );
      case 'lose link':
        return this.#world.deleteLink(hostLinkName(endpointId(operation.network, operation.container)));
      case 'sweep':
        return void (await sweepOrphans(context));
      case 'recover':
        return void (await recover(context));
      case 'restart':
        await this.#process.idle();
        return this.#restart();
      case 'flush':
        return this.#world.flushRules();
      case 'reboot':
        this.#process.kill();
        await this.#world.reboot();
        this.#boot += 1;
        this.#restart();
    }
  }

  #attached: string | undefined;

  async #create(number: number): Promise<void> {
    this.#created += 1;
    const id = parseNetworkId(String(this.#created).padStart(64, 'a'));
    this.#creating = id;
    await createOwnNetwork(this.#context, {
      id,
      name: `n${number}`,
      origin: 'cli',
      // One has the same bridge whenever it is made.
      ...(number === 0 ? { bridge: parseIfName('tsnet0') } : {}),
      ranges: [{ subnet: parseSubnet(`10.${70 + number}.0.0/${prefixes[number]}`) }],
      isInternal: false,
      allowsIcc: true,
      masquerades: true,
      options: {},
    });
  }

  #creating: NetworkId | undefined;

  /** What was made last under that number, or what never was. */
  #idOf(number: number): NetworkId {
    return this.#reference.networks.get(number)?.id ?? parseNetworkId('f'.repeat(64));
  }

  /** What was acknowledged is there: recorded as it was told, with its links in the kernel. */
  async #expectKept(after: string): Promise<void> {
    // What an interrupted operation did to another's is seen only when it is settled; a process that looks does not.
    const { state } = this.#context;
    const seen = new Map<string, string>();
    for (const [key, known] of this.#reference.endpoints) {
      if (known.belief !== 'there') continue;
      const id = this.#idOf(known.network);
      const [network, container] = key.split('/').map(Number) as [number, number];
      const endpoint = state.read((view) => view.endpoint(id, endpointId(network, container)));
      const [address] = endpoint?.addresses ?? [];
      if (address === undefined || address !== known.address)
        throw new Error(`after ${after}: endpoint ${key} has ${address}, not ${known.address}`);
      if (seen.has(`${network}/${address}`)) throw new Error(`after ${after}: ${address} is given twice`);
      seen.set(`${network}/${address}`, key);
      const owner = state.read((view) => view.addressOwner(id, ipOf(address)));
      if (owner !== endpoint?.id)
        throw new Error(`after ${after}: ${address} of endpoint ${key} belongs to ${owner}`);
      const ports = endpoint?.ports.map(({ hostPort }) => Number(hostPort)) ?? [];
      if (!isDeepStrictEqual(ports, known.port === undefined ? [] : [known.port]))
        throw new Error(`after ${after}: endpoint ${key} publishes ${ports.join()}`);
      for (const port of ports) {
        const holders = state.read((view) => view.portHolders('tcp', parsePort(port)));
        if (holders.length !== 1 || holders[0]?.endpoint !== endpoint?.id)
          throw new Error(`after ${after}: port ${port} of endpoint ${key} has ${holders.length} holders`);
      }
      const link = hostLinkName(endpointId(network, container));
      const links = await this.#context.kernel.rtnetlink.readLinks([link]);
      if (!links.has(link)) throw new Error(`after ${after}: endpoint ${key} has lost its link`);
      const inside = this.#world.openSandbox(this.#world.sandbox(container));
      const name = `eth${network}` as IfName;
      const there = await inside.readLinks([name]);
      const addresses = there.has(name) ? await inside.listAddresses({ link: name }) : [];
      inside[Symbol.dispose]();
      if (!addresses.some((one) => one.address === address))
        throw new Error(`after ${after}: endpoint ${key} has lost its interface`);
    }
    for (const [number, { belief, id }] of this.#reference.networks) {
      if (belief === 'there' && state.read((view) => view.network(id)) === undefined)
        throw new Error(`after ${after}: network ${number} is lost`);
    }
  }

  /** No record without an owner, and the kernel holds what is decided. */
  async #expectWhole(): Promise<void> {
    const context = this.#context;
    const faults = [
      ...(await findOrphans(context)),
      ...this.#strayRecords(),
      ...formatDrift(await findDrift(context)),
    ];
    if (faults.length > 0) throw new Error(`after recovery: ${faults.join('; ')}`);
  }

  #strayRecords(): string[] {
    return this.#context.state.read((view) => {
      const networks = view.networks();
      const endpoints = view.endpoints();
      const known = new Set([...this.#reference.networks.values()].map(({ id }) => id));
      const isKnown = (network: NetworkId, id: EndpointId) =>
        [...this.#reference.endpoints.keys()].some((key) => {
          const [number, container] = key.split('/').map(Number) as [number, number];
          return this.#idOf(number) === network && endpointId(number, container) === id;
        });
      const bound = new Set(networks.flatMap(({ pools }) => pools));
      const addresses = new Set(
        endpoints.flatMap((one) => one.addresses.map((address) => `${one.id} ${ipOf(address)}`)),
      );
      const leases = view.leases();
      return [
        ...networks
          .filter(({ id }) => !known.has(id))
          .map(({ id }) => `network ${id} was never asked for, or is ended`),
        ...endpoints
          .filter(({ network, id }) => !isKnown(network, id))
          .map(({ id }) => `endpoint ${id} is ended`),
        ...view
          .pools()
          .filter(({ id }) => !bound.has(id))
          .map(({ id }) => `pool ${id} has no network`),
        ...leases.filter(({ pool }) => !bound.has(pool)).map(({ ip }) => `lease ${ip} has no pool`),
        ...leases
          .filter(
            ({ kind, owner = '', ip }) =>
              kind === 'endpoint' && !addresses.has(`${owner.replace('endpoint:', '')} ${ip}`),
          )
          .map(({ ip, owner }) => `lease ${ip} of ${owner} has no address`),
        ...(leases.filter(({ kind }) => kind === 'endpoint').length === addresses.size
          ? []
          : ['an address without a lease']),
      ];
    });
  }

  /** What there is, in words that are the same in every world. */
  #records(): string[] {
    return this.#context.state.read((view) => [
      ...view.networks().map(({ name, bridge }) => `network ${name} ${bridge}`),
      ...view
        .endpoints()
        .map(
          ({ hostLink, addresses, ports }) =>
            `endpoint ${hostLink} ${addresses.join()} ${ports.map(({ hostPort }) => hostPort).join()}`,
        ),
      ...view.leases().map(({ ip, kind }) => `lease ${ip} ${kind}`),
    ]);
  }

  /** Every address can be given once all is ended, and nothing stays. */
  async #endAll(): Promise<void> {
    const context = this.#context;
    const networks: readonly Network[] = context.state.read((view) => view.networks());
    for (const { id } of networks) await deleteNetwork(context, id, { releasesPools: true });
    await this.#process.idle();
    const records = Object.keys(context.state.dump()).filter((key) => !key.startsWith('meta/'));
    // Not that of the recovery and of the structure, which are no network's.
    const locks = readdirSync(join(context.runDirectory, 'locks'))
      .filter((name) => name !== 'recovery' && name !== 'firewall')
      .map((name) => `lock ${name}`);
    const faults = [...records, ...(await this.#world.leftovers()), ...locks];
    if (faults.length > 0) throw new Error(`after the end of all networks: ${faults.join('; ')}`);
  }
}

function endpointId(network: number, container: number): EndpointId {
  return parseEndpointId(`${network}${container}`.padEnd(64, 'e'));
}

function portRequest(number: number) {
  const port = parsePort(number);
  return { protocol: 'tcp' as const, hostPorts: { first: port, last: port }, containerPort: parsePort(80) };
}
