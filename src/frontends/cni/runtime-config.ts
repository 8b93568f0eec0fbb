import * as v from 'valibot';
import {
  invalid,
  parseIp,
  parseMac,
  parsePort,
  parseProtocol,
  parseRateLimit,
  shapingOf,
  type Ip,
  type Mac,
  type PortRequest,
  type Shaping,
} from '../../model/index.ts';
import { count, decode, isObject, optional, orElse, type Document } from './decode.ts';
import { foldKeys, spellingsOf } from './fold-keys.ts';
import { rangeSchema, type RangeText } from './ranges.ts';
import type { CniDns } from './result.ts';

/** What a runtime says of one attachment in `runtimeConfig`, as far as the configuration declares that it may. */
export interface RuntimeConfig {
  readonly ports: readonly PortRequest[];
  readonly shaping?: Shaping;
  readonly ips: readonly Ip[];
  readonly mac?: Mac;
  readonly dns?: CniDns;
  readonly aliases: readonly string[];
  readonly ranges: readonly (readonly RangeText[])[];
}

const text = optional(v.string());
const texts = orElse(v.array(v.string()), []);

const portSchema = v.object({
  hostPort: v.number(),
  containerPort: v.number(),
  protocol: v.string(),
  hostIP: text,
});

const bandwidthSchema = v.object({
  ingressRate: optional(count),
  ingressBurst: optional(count),
  egressRate: optional(count),
  egressBurst: optional(count),
});

const dnsSchema = v.object({
  servers: texts,
  searches: texts,
  options: texts,
  nameservers: texts,
  search: texts,
  domain: text,
});

const schema = v.object({
  portMappings: orElse(v.array(portSchema), []),
  bandwidth: optional(bandwidthSchema),
  ips: texts,
  mac: text,
  dns: optional(dnsSchema),
  aliases: optional(v.union([v.array(v.string()), v.record(v.string(), orElse(v.array(v.string()), []))])),
  ipRanges: orElse(v.array(v.array(rangeSchema)), []),
});

const spellings = spellingsOf([schema, portSchema, rangeSchema, bandwidthSchema, dnsSchema]);
// Names of networks, below `aliases`, are whatever they are.
const opaque: ReadonlySet<string> = new Set(['aliases']);

const field = 'runtimeConfig';

/**
 * Reads `runtimeConfig`. Keys may be written in any case: go-cni sends structures of Go, whose fields are capitalised.
 * Where the configuration says which capabilities it has, others are not looked at: a chained plugin has them.
 *
 * @param network its name, which aliases may be listed under
 * @throws invalid-input
 */
export function parseRuntimeConfig(document: Document, network: string): RuntimeConfig {
  const declared = declaredOnly(document['runtimeConfig'], document['capabilities']);
  const found = decode(schema, declared, field);
  const shaping = parseBandwidth(found.bandwidth);
  const dns = found.dns === undefined ? undefined : dnsOf(found.dns);
  return {
    ports: found.portMappings.map((entry, index) =>
      parsePortMapping(entry, `${field}.portMappings.${index}`),
    ),
    ...(shaping === undefined ? {} : { shaping }),
    ips: found.ips.map((ip, index) => parseWish(ip, `${field}.ips.${index}`)),
    ...(found.mac ? { mac: parseMac(found.mac, `${field}.mac`) } : {}),
    ...(dns === undefined ? {} : { dns }),
    aliases: parseAliases(found.aliases, network),
    ranges: found.ipRanges,
  };
}

/** Reads an address that is wished for; a prefix length behind it says nothing that the range does not. */
export function parseWish(value: string, name: string): Ip {
  return parseIp(value.trim().replace(/\/\d{1,3}$/, ''), name);
}

function declaredOnly(runtimeConfig: unknown, capabilities: unknown): Document {
  if (runtimeConfig === undefined || runtimeConfig === null) return {};
  if (!isObject(runtimeConfig)) throw invalid(field, runtimeConfig, 'an object');
  const folded = foldKeys(runtimeConfig, spellings, opaque) as Document;
  if (!isObject(capabilities)) return folded;
  const declared = foldKeys(capabilities, spellings, opaque) as Document;
  return Object.fromEntries(Object.entries(folded).filter(([name]) => declared[name] === true));
}

function parsePortMapping(entry: v.InferOutput<typeof portSchema>, name: string): PortRequest {
  const hostPort = parsePort(entry.hostPort, `${name}.hostPort`);
  const hostIp = entry.hostIP ? parseIp(entry.hostIP, `${name}.hostIP`) : undefined;
  return {
    protocol: parseProtocol(entry.protocol.toLowerCase(), `${name}.protocol`),
    ...(hostIp === undefined ? {} : { hostIp }),
    hostPorts: { first: hostPort, last: hostPort },
    containerPort: parsePort(entry.containerPort, `${name}.containerPort`),
  };
}

/** Source: containerd and CRI-O, `math.MaxUint32`: what they send when they want no burst in particular. */
const anyBurst = 4_294_967_295;

function parseBandwidth(found: v.InferOutput<typeof bandwidthSchema> | undefined): Shaping | undefined {
  const limit = (direction: 'ingress' | 'egress') => {
    const fields = {
      rate: `${field}.bandwidth.${direction}Rate`,
      burst: `${field}.bandwidth.${direction}Burst`,
    };
    const burst = found?.[`${direction}Burst`];
    const wanted = burst === anyBurst ? undefined : burst;
    return parseRateLimit({ rate: found?.[`${direction}Rate`], burst: wanted }, fields);
  };
  return shapingOf(limit('ingress'), limit('egress'));
}

function dnsOf(found: NonNullable<v.InferOutput<typeof schema>['dns']>): CniDns | undefined {
  const nameservers = [...found.servers, ...found.nameservers];
  const search = [...found.searches, ...found.search];
  const { options, domain } = found;
  if (nameservers.length + search.length + options.length === 0 && !domain) return undefined;
  return { nameservers, search, options, ...(domain ? { domain } : {}) };
}

const aliasPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;

function parseAliases(value: v.InferOutput<typeof schema>['aliases'], network: string): readonly string[] {
  if (value === undefined) return [];
  const names = Array.isArray(value) ? value : Object.hasOwn(value, network) ? (value[network] ?? []) : [];
  const wrong = names.find((name) => !aliasPattern.test(name));
  if (wrong !== undefined) throw invalid(`${field}.aliases`, wrong, 'names as hosts have them');
  return [...new Set(names)];
}
