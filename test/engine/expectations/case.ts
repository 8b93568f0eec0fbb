import type { Harness } from './harness.ts';
import { isAtLeast, type Combination } from './combination.ts';

/** A case that is known to fail. It is run all the same, and must fail in just this way. */
export interface KnownFailure {
  /** For readers of the table. */
  readonly because: string;
  /** What the failure says; another one is not the known one. */
  readonly error: RegExp;
  /** The engines it fails with: this version and newer ones. */
  readonly since?: string;
  /** The engines it fails with: older than this version. */
  readonly before?: string;
  /** Default: both. */
  readonly firewall?: Combination['firewall'];
}

/** One expectation of Docker's users. */
export interface Case {
  /** A sentence about the network, the container or the port. */
  readonly name: string;
  /** The oldest engine that knows what the case is about; default: all. */
  readonly since?: string;
  readonly bridgeFails?: KnownFailure;
  readonly tsnetLacks?: KnownFailure;
  /** Rejects when the expectation does not hold. */
  readonly check: (harness: Harness) => Promise<void>;
}

/** Cases that share networks and containers, which no case of the group changes for the others. */
export interface Group {
  readonly name: string;
  readonly setUp?: (harness: Harness) => Promise<void>;
  readonly cases: readonly Case[];
}

/** How a case must end with this engine and combination. */
export function knownFailureOf(
  { bridgeFails, tsnetLacks }: Case,
  { driver, firewall }: Combination,
  version: string,
): KnownFailure | undefined {
  const known = driver === 'bridge' ? bridgeFails : tsnetLacks;
  if (known === undefined) return undefined;
  const { since, before, firewall: only = firewall } = known;
  const applies =
    only === firewall &&
    (since === undefined || isAtLeast(version, since)) &&
    (before === undefined || !isAtLeast(version, before));
  return applies ? known : undefined;
}

/**
 * Runs a case and gives whether it held or failed in the known way.
 * @throws {Error} It failed though it should hold, in another way than the known one, or held though known to fail.
 */
export async function runCase(
  each: Case,
  harness: Harness,
  known: KnownFailure | undefined,
): Promise<'holds' | 'known failure'> {
  if (known === undefined) {
    await each.check(harness);
    return 'holds';
  }
  const failure = await each.check(harness).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error('no error', { cause: error })),
  );
  if (failure === undefined)
    throw new Error(`holds now, but is said to fail because ${known.because}: remove that`);
  if (!known.error.test(failure.message))
    throw new Error(`fails in another way than ${known.error}`, { cause: failure });
  return 'known failure';
}
