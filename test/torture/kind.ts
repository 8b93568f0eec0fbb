import type { Random } from './random.ts';
import type { Call, TortureHost } from './torture-host.ts';

/** One thing that is done on a host and killed in the middle. */
export interface Operation {
  readonly name: string;
  /** Makes the host so that the operation has something to do; nothing of it is killed. */
  prepare?(host: TortureHost): Promise<void>;
  readonly call: Call;
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

/** Runs a call that must succeed. @returns what to say if it doesn't */
export async function must(host: TortureHost, what: string, call: Call): Promise<string[]> {
  const { code, stdout, stderr } = await host.call(call);
  return code === 0 ? [] : [`${what}: ${code} ${(stderr + stdout).trim().slice(0, 400)}`];
}
