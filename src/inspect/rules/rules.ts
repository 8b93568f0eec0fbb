import type { Facts } from './facts.ts';
import type { Ip } from '../../model/index.ts';
import type { Hook, Step } from './packet.ts';
import type { Truth } from './truth.ts';

/** The rules of all authors in a network namespace, ready to be walked. Made by `parseRuleSets`. */
export interface Rules {
  readonly tables: readonly Table[];
}

/** A table that is in force. */
export interface Table {
  readonly author: Step['author'];
  /** As nft(8) names families: `ip`, `ip6`, `inet`, `bridge`. */
  readonly family: string;
  readonly name: string;
  /** Grows with the time of creation; absent where it is not known (the legacy flavour has none). */
  readonly handle?: number;
  readonly chains: ReadonlyMap<string, Chain>;
}

/** A chain with its rules in their order. */
export interface Chain {
  readonly name: string;
  /** Where the kernel asks it by itself; absent for chains that others jump to. */
  readonly base?: Base;
  readonly rules: readonly Rule[];
}

/** How a chain is tied to a hook. */
export interface Base {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: Hook;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
}

/** A rule: what it says, and what it does, statement by statement. */
export interface Rule {
  readonly text: string;
  /** 1 for the first of its chain. */
  readonly position: number;
  readonly handle?: number;
  readonly packets?: number;
  readonly bytes?: number;
  readonly removal: string;
  /** Whether it may give packets another destination. */
  readonly translates: boolean;
  /** The chains that it may lead to. */
  readonly leadsTo: () => readonly string[];
  /** Read when they are asked for the first time: most rules of a large set never are. */
  readonly statements: () => readonly Statement[];
}

/** A condition, which ends the rule where it does not hold, or an action. */
export type Statement =
  | { readonly kind: 'match'; readonly holds: (facts: Facts) => Truth }
  | {
      readonly kind: 'act';
      /** What can happen to such a packet: nothing, which ends the rule; one thing; or, where a fact is unknown, several. */
      readonly act: (facts: Facts) => readonly Choice[];
    };

/** An action that may be taken. */
export interface Choice {
  readonly action: Action;
  /** Whether it is taken for sure; then it is the only one. */
  readonly isSure: boolean;
  /** The element of a set or map that leads to it, as nft(8) writes it. */
  readonly element?: string;
}

/** What a rule does. */
export type Action =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'continue' | 'untrack' }
  /** It does something that can't be told. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'mark'; readonly mark: number | undefined }
  | Translate;

/** Gives a packet another destination or source. */
export interface Translate {
  readonly kind: 'translate';
  readonly side: 'destination' | 'source';
  /** Absent where the address stays, or is that of a link. */
  readonly ip?: Ip;
  /** Absent where the port stays. */
  readonly port?: number;
  /** `redirect` and `masquerade`: the address is that of the link. */
  readonly isToLink?: boolean;
  /** False where one of several is taken. */
  readonly isExact: boolean;
}

/** A statement that always does the same. */
export function always(action: Action): Statement {
  const choices = [{ action, isSure: true }];
  return { kind: 'act', act: () => choices };
}

/** A condition. */
export function match(holds: (facts: Facts) => Truth): Statement {
  return { kind: 'match', holds };
}

/** A condition that can't be told without a real packet. */
export const unknownMatch: Statement = match(() => undefined);

/** Makes a value when it is asked for the first time. */
export function lazy<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined;
  return () => (value ??= { made: make() }).made;
}
