import { TsnetError } from '../../model/errors.ts';
import { NetlinkConnection, netlinkProtocols, type Outcome } from '../netlink/connection.ts';
import type { Message } from '../netlink/message.ts';
import { openNetlinkSocket } from '../netlink/socket.ts';
import { runCommand } from '../run-command.ts';
import { NftBatches } from './batch.ts';
import {
  addElements,
  decodeElements,
  decodeGeneration,
  decodeTableComment,
  deleteElements,
  deleteEmptyChain,
  deleteEmptyTable,
  listElements,
  listRules,
  readChain,
  readElement,
  readGeneration,
  readTable,
  type TableName,
} from './messages.ts';
import type { SetElement, SetSchema } from './set-element.ts';
import { addChain, addOwnedTable, addSet, deleteTable, type BaseChain } from './structure-messages.ts';

/** NFNLGRP_NFTABLES. Source: `linux/netfilter/nfnetlink.h`. */
const changesGroup = 7;

/** Each answer takes a page of the socket's buffer, however small it is; so many surely fit. */
const keysPerRequest = 64;

/**
 * The nftables of one network namespace. Structure goes through nft(8) as text, which people can review; elements go to
 * the kernel directly, which takes 0.1 ms instead of the 3 ms of a process.
 */
export class Nft implements Disposable {
  readonly #connection: NetlinkConnection;
  readonly #batches: NftBatches;
  /** Tables go with the socket that owns them, and a socket goes with a refused batch: nothing else is sent through it. */
  #owner: NftBatches | undefined;
  readonly #place: { readonly netns?: string };

  private constructor(netns: string | undefined) {
    this.#place = netns === undefined ? {} : { netns };
    this.#connection = NetlinkConnection.open(netlinkProtocols.netfilter, netns);
    this.#batches = NftBatches.open(netns);
  }

  /** @throws not-found when there is no such namespace, denied, unsupported */
  static open(netns?: string): Nft {
    return new Nft(netns);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
    this.#batches[Symbol.dispose]();
    this.#owner?.[Symbol.dispose]();
  }

  /** Carries out nft(8) commands as one transaction. @throws unsupported without nft, denied, kernel */
  async load(commands: string): Promise<void> {
    await runCommand('nft', ['-f', '-'], { ...this.#place, input: commands });
  }

  /** The number that every change of any table here increases. */
  async readGeneration(): Promise<number> {
    return this.readGenerationNow();
  }

  /** As `readGeneration`, on the spot. */
  readGenerationNow(): number {
    const [outcome] = this.#connection.requestNow([readGeneration()]);
    return generationIn(outcome);
  }

  /** How often this object changed the rule set otherwise than by `load`: its part of the generation. */
  get ownChanges(): number {
    return this.#batches.completed + (this.#owner?.completed ?? 0);
  }

  /**
   * Calls back at changes of the rule set by anybody, several times for a large one.
   *
   * @param delayMs how late a change may be told
   * @throws denied
   */
  subscribe(onChange: () => void, delayMs = 0): Disposable {
    const socket = openNetlinkSocket(netlinkProtocols.netfilter, this.#place.netns);
    // That some were missed tells the same.
    socket.listen([changesGroup], onChange, onChange, delayMs);
    return { [Symbol.dispose]: () => socket.close() };
  }

  /** The comment of a table, empty without one; `undefined` when there is no such table. */
  async readTableComment(table: TableName): Promise<string | undefined> {
    const [outcome] = await this.#connection.request([readTable(table)]);
    if (outcome?.error?.errno === 'ENOENT') return undefined;
    if (outcome?.error !== undefined) throw outcome.error;
    return outcome?.replies[0] === undefined ? '' : decodeTableComment(outcome.replies[0]);
  }

  /** Whether there is such a chain. */
  async hasChain(table: TableName, chain: string): Promise<boolean> {
    const [outcome] = await this.#connection.request([readChain(table, chain)]);
    if (outcome?.error?.errno === 'ENOENT') return false;
    if (outcome?.error !== undefined) throw outcome.error;
    return true;
  }

  /**
   * Deletes a table whose only content is one chain without rules. Anything else in it, also what somebody adds in this
   * moment, keeps table and chain as they are.
   */
  async deleteIfEmpty(table: TableName, chain: string): Promise<void> {
    try {
      this.#batches.run([deleteEmptyChain(table, chain), deleteEmptyTable(table)]);
    } catch (error) {
      if (error instanceof TsnetError && (error.errno === 'EBUSY' || error.errno === 'ENOENT')) return;
      throw error;
    }
  }

  /** The number of rules in all chains of a table; 0 when there is no such table. */
  async countRules(table: TableName): Promise<number> {
    const rules = await absentAsEmpty(this.#connection.dump(listRules(table)));
    return rules.length;
  }

  /** Those of the elements whose keys are present, as they are. */
  async readElements<Name extends string>(
    table: TableName,
    elements: readonly SetElement<Name>[],
  ): Promise<SetElement<Name>[]> {
    const found: SetElement<Name>[] = [];
    for (let start = 0; start < elements.length; start += keysPerRequest) {
      const part = elements.slice(start, start + keysPerRequest);
      found.push(...presentElements(part, this.#ask(table, part)));
    }
    return found;
  }

  /** As `readElements`, and the generation that they, or earlier ones, belong to. */
  async readElementsOfGeneration<Name extends string>(
    table: TableName,
    elements: readonly SetElement<Name>[],
  ): Promise<{ readonly generation: number; readonly elements: SetElement<Name>[] }> {
    const part = elements.slice(0, keysPerRequest - 1);
    const [first, ...outcomes] = this.#ask(table, part, [readGeneration()]);
    const generation = generationIn(first);
    const rest = await this.readElements(table, elements.slice(part.length));
    return {
      generation,
      elements: [...presentElements(part, outcomes), ...rest],
    };
  }

  /** On the spot: the kernel answers such questions without a lock (NFNL_CB_RCU). */
  #ask(
    table: TableName,
    elements: readonly SetElement[],
    before: readonly Message[] = [],
  ): readonly Outcome[] {
    return this.#connection.requestNow([
      ...before,
      ...elements.map((element) => readElement(table, element)),
    ]);
  }

  /** All elements of a set; none when there is no such set. */
  async listElements<Name extends string>(
    table: TableName,
    set: SetSchema<Name>,
  ): Promise<SetElement<Name>[]> {
    const replies = await absentAsEmpty(this.#connection.dump(listElements(table, set)));
    return replies.flatMap((reply) => decodeElements(set, reply));
  }

  /**
   * Deletes and then adds elements, all or nothing.
   *
   * @param generation see `readGeneration`; nothing is changed and `stale` returned when it has passed
   * @throws not-found for the deletion of an absent element or when the table is not there, conflict for the addition of
   *   a key that is present
   */
  async changeElements(
    table: TableName,
    change: ElementChange,
    generation?: number,
  ): Promise<'done' | 'stale'> {
    return this.#batches.run(changeMessages(table, change), generation);
  }

  /**
   * Makes a table that nobody else can change or delete, also not by flushing all rules, until it is deleted here or this
   * object is disposed of, which the end of the process does as well.
   *
   * @throws conflict when the table is there, whoever owns it; unsupported before Linux 5.12 and without nftables
   */
  addOwnedTable(table: TableName, { comment, sets, chains, elements }: OwnedTable): void {
    this.#owning.run([
      addOwnedTable(table, comment),
      ...sets.map((set, index) => addSet(table, set, index + 1)),
      ...bySet(elements).flatMap((some) => addElements(table, some)),
      ...chains.flatMap((chain) => addChain(table, chain)),
    ]);
  }

  /**
   * Deletes and then adds elements of a table that `addOwnedTable` of this object made.
   *
   * @throws when it is refused; then the tables that this object owns are gone
   */
  changeOwnedTable(table: TableName, change: ElementChange): void {
    this.#owning.run(changeMessages(table, change));
  }

  /** Deletes a table that `addOwnedTable` of this object made. @throws not-found, denied for one of another */
  deleteOwnedTable(table: TableName): void {
    this.#owning.run([deleteTable(table)]);
  }

  get #owning(): NftBatches {
    return (this.#owner ??= NftBatches.open(this.#place.netns));
  }
}

/** Elements that go, and those that come after them. */
export interface ElementChange {
  readonly remove: readonly SetElement[];
  readonly add: readonly SetElement[];
}

/** What a table holds that is made in one go. */
export interface OwnedTable {
  readonly comment: string;
  readonly sets: readonly SetSchema[];
  readonly chains: readonly BaseChain[];
  readonly elements: readonly SetElement[];
}

function generationIn(outcome: Outcome | undefined): number {
  if (outcome?.error !== undefined) throw outcome.error;
  const [reply] = outcome?.replies ?? [];
  const generation = reply === undefined ? undefined : decodeGeneration(reply);
  if (generation === undefined)
    throw new TsnetError('kernel', 'read nft generation: no number in the answer');
  return generation;
}

function presentElements<Name extends string>(
  asked: readonly SetElement<Name>[],
  outcomes: readonly Outcome[],
): SetElement<Name>[] {
  return asked.flatMap(({ set }, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined || outcome.errno === 'ENOENT') return [];
    if (outcome.error !== undefined) throw outcome.error;
    return outcome.replies.flatMap((reply) => decodeElements(set, reply));
  });
}

async function absentAsEmpty<T>(list: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list;
  } catch (error) {
    if (error instanceof TsnetError && error.errno === 'ENOENT') return [];
    throw error;
  }
}

function changeMessages(table: TableName, { remove, add }: ElementChange): Message[] {
  return [
    ...bySet(remove).flatMap((elements) => deleteElements(table, elements)),
    ...bySet(add).flatMap((elements) => addElements(table, elements)),
  ];
}

function bySet(elements: readonly SetElement[]): SetElement[][] {
  const groups = new Map<string, SetElement[]>();
  for (const element of elements) {
    const group = groups.get(element.set.name);
    if (group === undefined) groups.set(element.set.name, [element]);
    else group.push(element);
  }
  return [...groups.values()];
}
