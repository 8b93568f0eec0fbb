import * as v from 'valibot';
import { parseAddress, parseIp, parseSubnet, type Address, type Ip, type Subnet } from '../../model/index.ts';
import { count, decode, isObject, optional, orElse, word } from './decode.ts';
import type { CniVersion } from './versions.ts';
import { isAtLeast } from './versions.ts';

/** An interface as a result tells of it. What else plugins say of theirs is kept. */
export interface CniInterface {
  readonly name: string;
  readonly mac?: string | undefined;
  /** Path of the namespace; absent or empty for one of the host. */
  readonly sandbox?: string | undefined;
  readonly [other: string]: unknown;
}

/** An address as a result tells of it. */
export interface CniIp {
  readonly address: Address;
  readonly gateway?: Ip;
  /** Index in the list of interfaces. */
  readonly interface?: number;
}

/** A route as a result tells of it. */
export interface CniRoute {
  readonly dst: Subnet;
  readonly gw?: Ip;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

/** What is known of name servers. */
export interface CniDns {
  readonly nameservers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

/** The result of an ADD, in the words of the newest version. */
export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

const text = optional(v.string());
const texts = optional(v.array(v.string()));

export const dnsSchema = v.object({ nameservers: texts, domain: text, search: texts, options: texts });

export const routeSchema = v.object({
  dst: v.string(),
  gw: text,
  mtu: optional(word),
  advmss: optional(word),
  priority: optional(word),
  table: optional(word),
  scope: optional(word),
});

const resultSchema = v.object({
  interfaces: orElse(v.array(v.looseObject({ name: v.string(), mac: text, sandbox: text })), []),
  ips: orElse(v.array(v.object({ address: v.string(), gateway: text, interface: optional(count) })), []),
  routes: orElse(v.array(routeSchema), []),
  dns: orElse(dnsSchema, {} as v.InferOutput<typeof dnsSchema>),
});

const oldAddress = optional(
  v.object({ ip: v.string(), gateway: text, routes: orElse(v.array(routeSchema), []) }),
);
const oldResultSchema = v.object({
  ip4: oldAddress,
  ip6: oldAddress,
  dns: orElse(dnsSchema, {} as v.InferOutput<typeof dnsSchema>),
});

/**
 * Reads a result that another plugin made.
 *
 * @param field what it is called, for the error
 * @throws invalid-input
 */
export function parseResult(value: unknown, version: CniVersion, field: string): CniResult {
  if (isOldShape(value, version)) return parseOldResult(value, field);
  const found = decode(resultSchema, value, field);
  return {
    interfaces: found.interfaces,
    ips: found.ips.map(({ address, gateway, interface: index }, position) => ({
      ...parseCniIp({ address, gateway }, `${field}.ips.${position}`),
      ...(index === undefined ? {} : { interface: index }),
    })),
    routes: found.routes.map((route, position) => parseRoute(route, `${field}.routes.${position}`)),
    dns: found.dns,
  };
}

/** Plugins that know old versions only answer in the shape of theirs, whatever they are asked in. */
function isOldShape(value: unknown, version: CniVersion): boolean {
  if (isObject(value) && (isObject(value['ip4']) || isObject(value['ip6']))) return true;
  return !isAtLeast(version, '0.3.0') && !(isObject(value) && Array.isArray(value['ips']));
}

function parseOldResult(value: unknown, field: string): CniResult {
  const { ip4, ip6, dns } = decode(oldResultSchema, value, field);
  const found = Object.entries({ ip4, ip6 }).flatMap(([key, one]) =>
    one === undefined ? [] : [{ ...one, field: `${field}.${key}` }],
  );
  return {
    interfaces: [],
    ips: found.map(({ ip, gateway, field: key }) => parseCniIp({ address: ip, gateway }, key)),
    routes: found.flatMap(({ routes, field: key }) =>
      routes.map((route, position) => parseRoute(route, `${key}.routes.${position}`)),
    ),
    dns,
  };
}

function parseCniIp(
  { address, gateway }: { readonly address: string; readonly gateway: string | undefined },
  field: string,
): CniIp {
  return {
    address: parseAddress(address, `${field}.address`),
    ...(gateway ? { gateway: parseIp(gateway, `${field}.gateway`) } : {}),
  };
}

/** Reads a route of a result or of a configuration. @throws invalid-input */
export function parseRoute(route: v.InferOutput<typeof routeSchema>, field: string): CniRoute {
  const { dst, gw, ...rest } = route;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    dst: parseSubnet(dst, `${field}.dst`),
    ...(gw ? { gw: parseIp(gw, `${field}.gw`) } : {}),
    ...given,
  };
}
