import type { Rtnetlink } from '../../src/kernel/netlink/index.ts';
import { LinkRemoval } from '../../src/network/link-removal.ts';
import type { Context } from '../../src/network/index.ts';
import type { Kernel } from '../../src/observe/index.ts';
import { State, type JournalId, type StateOptions } from '../../src/state/index.ts';

/** What a process that was killed meets behind every door. */
export class Killed extends Error {}

/** What a process works with, wherever it is. */
export interface Place {
  readonly kernel: Kernel;
  /** As a second connection, for what is removed in the background. */
  readonly rtnetlink: Rtnetlink;
  readonly state: Omit<StateOptions, 'process'>;
  readonly runDirectory: string;
}

/** A process that can be killed at each of its steps: before or after every commit and every change of the kernel. */
export interface MortalProcess extends Disposable {
  readonly context: Context;
  /** How many steps it has made. */
  readonly steps: number;
  /** It is killed when it comes to its step of that number from now; even numbers before a change, odd ones after it. */
  killAt(step: number): void;
  /** It is killed now. What it has put off is lost. */
  kill(): void;
  readonly isDead: boolean;
  /** Writes what it has put off: it had the time. */
  idle(): Promise<void>;
  /** A connection that dies with it. */
  guard(rtnetlink: Rtnetlink): Rtnetlink;
}

const changesKernel = /^(?:create|set|configure|delete|add|apply|prepare|remove)/;
const changesState = /^(?:transact|transactUndoable|settle|undo)$/;
// No process has such a number: what this one leaves is an interrupted operation as soon as another looks.
const firstPid = 2 ** 30;
let processes = 0;

/** Starts one. Nothing of it runs on when it was killed: its doors are shut. */
export function startMortalProcess(place: Place): MortalProcess {
  processes += 1;
  const state = State.open({ ...place.state, process: { pid: firstPid + processes, startTime: '1' } });
  let steps = 0;
  let fatal = Number.POSITIVE_INFINITY;
  let isDead = false;
  let unsettled: (JournalId | undefined)[] = [];

  const step = () => {
    if (isDead) throw new Killed();
    if (steps === fatal) {
      isDead = true;
      throw new Killed();
    }
    steps += 1;
  };
  const guarded = <T extends object>(door: T, changes: RegExp): T =>
    new Proxy(door, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        if (typeof name !== 'string') return method;
        if (!changes.test(name)) {
          return (...args: unknown[]) => {
            if (isDead) throw new Killed();
            return method(...args);
          };
        }
        return async (...args: unknown[]) => {
          step();
          // What was put off is written with the next commit.
          if (target instanceof State) await settleAll();
          const result = await method(...args);
          step();
          return result;
        };
      },
    });

  const settleAll = async () => {
    const journals = unsettled;
    unsettled = [];
    for (const journal of journals) await state.settle(journal);
  };
  const mortal = guarded(state, changesState);
  const putOff = new Proxy(mortal, {
    get: (target, name) =>
      name === 'settleUnhurried'
        ? async (journal: JournalId | undefined) => {
            if (isDead) throw new Killed();
            unsettled.push(journal);
          }
        : (Reflect.get(target, name, target) as unknown),
  });
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const kernel: Kernel = {
    ...place.kernel,
    rtnetlink: guarded(place.kernel.rtnetlink, changesKernel),
    firewall: guarded(place.kernel.firewall, changesKernel),
  };
  const context: Context = {
    state: putOff,
    kernel,
    runDirectory: place.runDirectory,
    log,
    linkRemoval: new LinkRemoval(guarded(place.rtnetlink, changesKernel), log),
  };
  return {
    context,
    get steps() {
      return steps;
    },
    get isDead() {
      return isDead;
    },
    killAt: (number) => (fatal = steps + number),
    kill: () => (isDead = true),
    async idle() {
      await context.linkRemoval.idle();
      if (!isDead) await settleAll();
    },
    guard: (rtnetlink) => guarded(rtnetlink, changesKernel),
    [Symbol.dispose]: () => state[Symbol.dispose](),
  };
}

function silent(): void {}
