import { runCni, type Answer, type PluginName } from '../../../../src/frontends/cni/index.ts';
import { TsnetError } from '../../../../src/model/index.ts';
import type { Context } from '../../../../src/network/index.ts';

/** A host that must not be asked for: input errors cost no more than reading. */
export const noHost = (): Promise<Context> =>
  Promise.reject(new TsnetError('unavailable', 'the host was asked for'));

/** The configuration that the calls of these tests vary. */
export const plain = {
  cniVersion: '1.1.0',
  name: 'dbnet',
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipam: { ranges: [[{ subnet: '10.77.0.0/24' }]] },
};

const complete = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/proc/self/ns/net',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};

/** Calls the plugin with a complete environment but for what is said otherwise; undefined takes a variable away. */
export function call(
  verb: string,
  config: unknown = plain,
  env: Readonly<Record<string, string | undefined>> = {},
  name?: PluginName,
): Promise<Answer> {
  const variables = { CNI_COMMAND: verb, ...complete, ...env };
  return runCni(noHost, {
    env: Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined)),
    stdin: typeof config === 'string' ? config : JSON.stringify(config),
    ...(name === undefined ? {} : { name }),
  });
}

/** The error object of an answer, which must be one. */
export function errorOf({ exitCode, stdout }: Answer): { code: number; msg: string; details?: string } {
  if (exitCode === 0) throw new Error(`it succeeded: ${stdout}`);
  return JSON.parse(stdout) as { code: number; msg: string };
}
