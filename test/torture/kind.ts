import type { Random } from './random.ts';
import type { Call, Outcome, TortureHost } from './torture-host.ts';

/** One thing that is done on a host and killed in the middle. */
export interface Operation {
  readonly name: string;
  /** Makes the host so that the operation has something to do; nothing of it is killed. */
  prepare?(host: TortureHost): Promise<void>;
  /** Does it, its programs with these variables: those of `killEnvironment`. */
  act(
    host: TortureHost,
    variables: Readonly<Record<string, string>>,
  ): Promise<Pick<Outcome, 'code' | 'milliseconds'>>;
}

/** What somebody does next. It says what should not have happened. */
export interface Continuation {
  readonly name: string;
  run(host: TortureHost, random: Random): Promise<readonly string[]>;
}

/** One way of using tsnet, with what is killed of it and what comes after. */
export interface Kind {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly continuations: readonly Continuation[];
  /** What the host needs once, before anything is looked at. */
  prepare?(host: TortureHost): Promise<void>;
  /** Ends everything but the witnesses, as a runtime or a user does who knows nothing of a kill. */
  end(host: TortureHost): Promise<readonly string[]>;
}

/** A preparation that is these calls, which must succeed. */
export function after(...calls: readonly Call[]): (host: TortureHost) => Promise<void> {
  return async (host) => {
    for (const call of calls) await host.succeed(call);
  };
}

/** An operation that is one program. */
export function callOperation(name: string, call: Call, prepare?: Operation['prepare']): Operation {
  return {
    name,
    ...(prepare === undefined ? {} : { prepare }),
    act: (host, variables) => host.call({ ...call, env: { ...call.env, ...variables } }),
  };
}

/** Runs a call that must succeed. @returns what to say if it doesn't */
export async function must(host: TortureHost, what: string, call: Call): Promise<string[]> {
  const { code, stdout, stderr } = await host.call(call);
  return code === 0 ? [] : [`${what}: ${code} ${(stderr + stdout).trim().slice(0, 400)}`];
}
