import * as v from 'valibot';
import { invalid, type Ip } from '../../model/index.ts';
import type { CniArguments } from './arguments.ts';
import { decode, isObject, optional, orElse, type Document } from './decode.ts';
import { withCode, cniCodes } from './errors.ts';
import { parseRanges, rangeSchema, type Range } from './ranges.ts';
import { parseRoute, routeSchema, type CniRoute } from './result.ts';
import { parseWish, type RuntimeConfig } from './runtime-config.ts';

/** Which address management a configuration names. */
export type IpamChoice =
  | { readonly kind: 'none' }
  | { readonly kind: 'own' }
  | { readonly kind: 'delegated'; readonly type: string };

/** The section `ipam` for our own address management. */
export interface IpamConfig {
  readonly sets: readonly (readonly Range[])[];
  readonly wanted: readonly Ip[];
  readonly routes: readonly CniRoute[];
  /** A file to read name servers from. */
  readonly resolvConf?: string;
}

/** The name of our own address management as a plugin for others. */
export const ownIpamType = 'tsnet-ipam';

/**
 * Which address management a configuration names. Without a type it is ours where ranges are given, and none at all
 * where not, as with the reference bridge.
 *
 * @throws invalid-input for a name that is no file name
 */
export function parseIpamChoice(document: Document): IpamChoice {
  const ipam = document['ipam'];
  if (ipam === undefined || ipam === null) return { kind: 'none' };
  if (!isObject(ipam)) throw invalid('ipam', ipam, 'an object');
  const { type } = ipam;
  if (type === undefined || type === null || type === '') {
    return { kind: ['ranges', 'subnet'].some((name) => ipam[name]) ? 'own' : 'none' };
  }
  if (typeof type !== 'string' || !/^[^/\0]{1,255}$/.test(type) || type === '.' || type === '..') {
    throw invalid('ipam.type', type, 'the name of a plugin, without slashes');
  }
  return type === ownIpamType ? { kind: 'own' } : { kind: 'delegated', type };
}

/** Whether a plugin asks for addresses over the interface of the container. Source: reference `dhcp`. */
export function needsInterface(choice: IpamChoice): boolean {
  return choice.kind === 'delegated' && choice.type === 'dhcp';
}

/** The section `ipam`, as it is written. */
export const ipamSchema = v.object({
  ...rangeSchema.entries,
  ranges: orElse(v.array(v.array(rangeSchema)), []),
  routes: orElse(v.array(routeSchema), []),
  resolvConf: optional(v.string()),
  dataDir: optional(v.string()),
});

const argsSchema = v.object({ ips: orElse(v.array(v.string()), []) });

/**
 * Reads the section `ipam`, with the options of host-local, and the wishes of the attachment from CNI_ARGS, `args.cni` and
 * `runtimeConfig`, which add up.
 *
 * @throws invalid-input; a CniError 4 for CNI_ARGS
 */
export function parseIpamConfig(
  document: Document,
  args: CniArguments,
  runtime: Pick<RuntimeConfig, 'ips' | 'ranges'>,
): IpamConfig {
  const ipam = decode(ipamSchema, document['ipam'] ?? {}, 'ipam');
  const { subnet, rangeStart, rangeEnd, gateway } = ipam;
  const own = subnet ? [[{ subnet, rangeStart, rangeEnd, gateway }]] : [];
  // By themselves first, for an error that says where they come from.
  parseRanges(runtime.ranges, 'runtimeConfig.ipRanges');
  const sets = parseRanges([...runtime.ranges, ...own, ...ipam.ranges], 'ipam.ranges');
  if (sets.length === 0) {
    throw invalid(
      'ipam.ranges',
      ipam.ranges,
      'at least one set of ranges, such as [[{"subnet":"10.1.0.0/24"}]]',
    );
  }
  const { ips } = decode(argsSchema, argsOf(document), 'args.cni');
  const wanted = [
    ...(args['IP']
      ? [withCode(cniCodes.invalidEnvironment, () => parseWish(args['IP'] ?? '', 'CNI_ARGS IP'))]
      : []),
    ...ips.map((ip, index) => parseWish(ip, `args.cni.ips.${index}`)),
    ...runtime.ips,
  ];
  return {
    sets,
    // Runtimes repeat themselves.
    wanted: [...new Set(wanted)],
    routes: ipam.routes.map((route, index) => parseRoute(route, `ipam.routes.${index}`)),
    ...(ipam.resolvConf ? { resolvConf: ipam.resolvConf } : {}),
  };
}

/** The section `args.cni`. @throws invalid-input */
export function argsOf(document: Document): Document {
  const args = document['args'] ?? {};
  if (!isObject(args)) throw invalid('args', args, 'an object');
  const cni = args['cni'] ?? {};
  if (!isObject(cni)) throw invalid('args.cni', cni, 'an object');
  return cni;
}
