import type { Evidence, Finding } from '../finding.ts';

/** What was found about a port, for people and machines alike. */
export interface PortReport {
  /** Changes when a reader of the former form would misunderstand it. */
  readonly schema: 'tsnet.port/1';
  /** The question in the form it is asked. */
  readonly port: string;
  readonly verdict: Verdict;
  /** One for each origin, in the order asked. */
  readonly ways: readonly Way[];
  /** What is in the way first, certain before likely; then what is merely surprising. */
  readonly causes: readonly Cause[];
}

/** `by-design`: does not work, and nobody wants it to; `unknown`: what decides could not be seen. */
export type Verdict = 'works' | 'broken' | 'by-design' | 'unknown';

/** The way of a packet and of the answer to it. */
export interface Way {
  /** As `--from` takes it. */
  readonly from: string;
  /** The packet as it is sent. */
  readonly source: string;
  readonly destination: string;
  /** What takes it to its end: rules, a program that hands data on, or neither. */
  readonly by: 'translation' | 'proxy' | 'direct';
  readonly verdict: Verdict;
  /** What the asker sees now. */
  readonly symptom?: Symptom;
  readonly hops: readonly Hop[];
}

/** What an asker sees; `reset`: accepted by a proxy and closed; `hangs`: accepted and never answered. */
export type Symptom = 'refused' | 'reset' | 'timeout' | 'unreachable' | 'hangs' | 'wrong server';

/** One place that the packet passes. */
export interface Hop {
  readonly stage: Stage;
  /** `bad`: it ends here; `surprising`: goes on, but not as expected; `unknown`: could not be told. */
  readonly state: 'good' | 'bad' | 'surprising' | 'unknown';
  readonly message: string;
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
  /** Present where it is bad. */
  readonly symptom?: Symptom;
}

/** In the order of the way. */
export type Stage =
  | 'published'
  | 'held by'
  | 'forwarding'
  | 'translation'
  | 'route'
  | 'firewall'
  | 'bridge'
  | 'container'
  | 'listens'
  | 'way back';

/** A finding, and what mending it brings. */
export interface Cause {
  readonly finding: Finding;
  /** The origins it stands in the way of, or surprises. */
  readonly from: readonly string[];
  readonly isInTheWay: boolean;
  /** What would be seen next if it were mended. */
  readonly next: string;
}
