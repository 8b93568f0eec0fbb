import { runCni, type Answer, type PluginName } from '../../../src/frontends/cni/index.ts';
import type { Context } from '../../../src/network/index.ts';

/** One call of the plugin: which attachment, with what configuration. */
export interface Call {
  readonly verb: string;
  readonly config?: Readonly<Record<string, unknown>> | string;
  readonly container?: string;
  readonly netns?: string;
  readonly ifName?: string;
  readonly args?: string;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly name?: PluginName;
}

/** What a plugin says of a failure. */
export interface Failure {
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
  readonly cniVersion: string;
}

/** The part of results that the tests look at. */
export interface Result {
  readonly cniVersion: string;
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly sandbox?: string }[];
  readonly ips: readonly {
    readonly address: string;
    readonly gateway?: string;
    readonly interface?: number;
  }[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns?: Readonly<Record<string, unknown>>;
}

/** Calls the plugin as a runtime does, but in this process. */
export function callCni(context: Context, call: Call): Promise<Answer> {
  const { verb, config = {}, container, netns, ifName, args, path, env = {}, name } = call;
  const variables = {
    CNI_COMMAND: verb,
    CNI_PATH: path ?? '/usr/lib/cni',
    ...(container === undefined ? {} : { CNI_CONTAINERID: container }),
    ...(netns === undefined ? {} : { CNI_NETNS: netns }),
    ...(ifName === undefined ? {} : { CNI_IFNAME: ifName }),
    ...(args === undefined ? {} : { CNI_ARGS: args }),
    ...env,
  };
  return runCni(async () => context, {
    env: variables,
    stdin: typeof config === 'string' ? config : JSON.stringify(config),
    ...(name === undefined ? {} : { name }),
  });
}

/** The same, and it must succeed; gives what it printed, `{}` for nothing. */
export async function succeed(context: Context, call: Call): Promise<Result> {
  const { exitCode, stdout } = await callCni(context, call);
  if (exitCode !== 0) throw new Error(`${call.verb} of ${call.container ?? 'nothing'}: ${stdout}`);
  return (stdout === '' ? {} : JSON.parse(stdout)) as Result;
}

/** The same, and it must fail; gives the one error object that it printed. */
export async function fail(context: Context, call: Call): Promise<Failure> {
  const { exitCode, stdout } = await callCni(context, call);
  if (exitCode === 0) throw new Error(`${call.verb} succeeded: ${stdout}`);
  return JSON.parse(stdout) as Failure;
}
