import {
  familyOf,
  gatewayModeOf,
  gatewayModes,
  invalid,
  isUnspecified,
  parseIfName,
  parseIp,
  parseMtu,
  type GatewayMode,
  type IfName,
  type Ip,
  type IpFamily,
  type Shaping,
} from '../../model/index.ts';
import { parseShapingOptions, shapingNames } from './shaping-options.ts';

/** What `-o key=value` can say of a network. */
export interface NetworkOptions {
  readonly bridge?: IfName;
  readonly mtu?: number;
  readonly allowsIcc: boolean;
  readonly masquerades: boolean;
  readonly hostBindings?: readonly Ip[];
  readonly interfacePrefix?: string;
  readonly gatewayMode4?: GatewayMode;
  readonly gatewayMode6?: GatewayMode;
  readonly inhibitsIpv4?: boolean;
  readonly hostSources?: readonly Ip[];
  readonly trustedInterfaces?: readonly IfName[];
  readonly antispoofs?: boolean;
  readonly shaping?: Shaping;
}

type Reader = (value: string, key: string) => Partial<NetworkOptions>;

/**
 * Every key, under the names that Docker's bridge driver gave it and under a short one. Source of the former: moby
 * daemon/libnetwork/drivers/bridge/labels.go and netlabel/labels.go.
 */
const readers: Readonly<Record<string, Reader>> = {
  'com.docker.network.bridge.name': (value, key) => (value === '' ? {} : { bridge: parseIfName(value, key) }),
  // Docker's bridge driver takes 0 for its default.
  'com.docker.network.driver.mtu': (value, key) => (value === '0' ? {} : { mtu: parseMtu(value, key) }),
  'com.docker.network.bridge.enable_icc': (value, key) => ({ allowsIcc: parseBoolean(value, key) }),
  'com.docker.network.bridge.enable_ip_masquerade': (value, key) => ({
    masquerades: parseBoolean(value, key),
  }),
  'com.docker.network.bridge.host_binding_ipv4': (value, key) => ({ hostBindings: [parseIp(value, key)] }),
  'tsnet.host_binding_ipv6': (value, key) => ({ hostBindings: [parseIpOf(6, value, key)] }),
  'com.docker.network.container_iface_prefix': (value, key) => ({ interfacePrefix: parsePrefix(value, key) }),
  'com.docker.network.bridge.gateway_mode_ipv4': (value, key) => ({ gatewayMode4: parseMode(value, key) }),
  'com.docker.network.bridge.gateway_mode_ipv6': (value, key) => ({ gatewayMode6: parseMode(value, key) }),
  'com.docker.network.bridge.inhibit_ipv4': (value, key) =>
    parseBoolean(value, key) ? { inhibitsIpv4: true } : {},
  'com.docker.network.host_ipv4': (value, key) => ({ hostSources: [parseIpOf(4, value, key)] }),
  'com.docker.network.host_ipv6': (value, key) => ({ hostSources: [parseIpOf(6, value, key)] }),
  'com.docker.network.bridge.trusted_host_interfaces': (value, key) => ({
    trustedInterfaces: parseInterfaces(value, key),
  }),
  'tsnet.antispoof': (value, key) => (parseBoolean(value, key) ? { antispoofs: true } : {}),
  // They say something only together.
  ...Object.fromEntries(Object.values(shapingNames).map((name): [string, Reader] => [name, () => ({})])),
};

const shortNames: Readonly<Record<string, string>> = {
  bridge: 'com.docker.network.bridge.name',
  mtu: 'com.docker.network.driver.mtu',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  host_binding_ipv4: 'com.docker.network.bridge.host_binding_ipv4',
  host_binding_ipv6: 'tsnet.host_binding_ipv6',
  interface_prefix: 'com.docker.network.container_iface_prefix',
  gateway_mode_ipv4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gateway_mode_ipv6: 'com.docker.network.bridge.gateway_mode_ipv6',
  inhibit_ipv4: 'com.docker.network.bridge.inhibit_ipv4',
  host_ipv4: 'com.docker.network.host_ipv4',
  host_ipv6: 'com.docker.network.host_ipv6',
  trusted_host_interfaces: 'com.docker.network.bridge.trusted_host_interfaces',
  antispoof: 'tsnet.antispoof',
  ...shapingNames,
};

const ownPrefix = 'tsnet.';
const dockerPrefix = 'com.docker.network.';

/** Keys that engines put among the options by themselves. Source: moby netlabel/labels.go. */
const enginesKeys: ReadonlySet<string> = new Set([
  'com.docker.network.enable_ipv4',
  'com.docker.network.enable_ipv6',
]);

/**
 * Reads the options of a network. Short names may carry the prefix `tsnet.`; keys that are neither ours nor known are
 * left to others.
 *
 * @param isInternal whether the network is, which some options contradict
 * @throws invalid-input for a bad value, for an unknown key with our prefix, for one setting given twice in two ways, and
 *   for two settings that can't both hold
 */
export function parseNetworkOptions(
  options: Readonly<Record<string, string>>,
  isInternal = false,
): NetworkOptions {
  let result: NetworkOptions = { allowsIcc: true, masquerades: true };
  const seen = new Map<string, string>();
  for (const [key, value] of Object.entries(options)) {
    const name = canonicalName(key);
    const read = readers[name];
    if (read === undefined) {
      if (!key.startsWith(ownPrefix)) continue;
      throw invalid(
        `option ${key}`,
        value,
        `one of ${Object.keys(shortNames)
          .map((short) => ownPrefix + short)
          .join(', ')}`,
      );
    }
    const other = seen.get(name);
    if (other !== undefined && options[other] !== value) {
      throw invalid(`option ${key}`, value, `the value of ${other}, which means the same`);
    }
    seen.set(name, key);
    if (other === undefined) result = merge(result, read(value, `option ${key}`));
  }
  refuseContradictions(result, isInternal, (name) => `option ${seen.get(name) ?? name}`);
  const shaping = parseShapingOptions((name) => {
    const key = seen.get(name);
    return key === undefined ? undefined : { value: options[key] ?? '', field: `option ${key}` };
  });
  return { ...withoutAnyBinding(result), ...(shaping === undefined ? {} : { shaping }) };
}

/** The keys with Docker's prefix that have no meaning here. */
export function unknownDockerKeys(options: Readonly<Record<string, string>>): string[] {
  return Object.keys(options).filter(
    (key) => key.startsWith(dockerPrefix) && readers[key] === undefined && !enginesKeys.has(key),
  );
}

/** Lists come in parts, one for each address family. */
function merge(one: NetworkOptions, other: Partial<NetworkOptions>): NetworkOptions {
  const join = (key: 'hostBindings' | 'hostSources') => {
    const items = [...(one[key] ?? []), ...(other[key] ?? [])];
    return items.length === 0 ? {} : { [key]: items };
  };
  return { ...one, ...other, ...join('hostBindings'), ...join('hostSources') };
}

function refuseContradictions(
  options: NetworkOptions,
  isInternal: boolean,
  field: (name: string) => string,
): void {
  const bridgeKey = (name: string) => field(`${dockerPrefix}bridge.${name}`);
  for (const family of [4, 6] as const) {
    const mode = gatewayModeOf(options, family);
    if (mode === 'isolated' && !isInternal) {
      throw invalid(
        bridgeKey(`gateway_mode_ipv${family}`),
        mode,
        'nat, nat-unprotected or routed, or the network to be created with --internal',
      );
    }
    const source = options.hostSources?.find((ip) => familyOf(ip) === family);
    if (source !== undefined && (mode === 'routed' || !options.masquerades)) {
      const reason = mode === 'routed' ? `gateway_mode_ipv${family}=routed` : 'enable_ip_masquerade=false';
      throw invalid(field(`${dockerPrefix}host_ipv${family}`), source, `none, because of ${reason}`);
    }
    const binding = options.hostBindings?.find((ip) => familyOf(ip) === family);
    if (binding !== undefined && !isUnspecified(binding) && mode === 'routed') {
      throw invalid(
        family === 4 ? bridgeKey('host_binding_ipv4') : field('tsnet.host_binding_ipv6'),
        binding,
        `none, because with gateway_mode_ipv${family}=routed no port of the host is published`,
      );
    }
  }
  if (isInternal && options.trustedInterfaces !== undefined) {
    throw invalid(
      bridgeKey('trusted_host_interfaces'),
      options.trustedInterfaces.join(':'),
      'none, because nothing comes into an internal network',
    );
  }
}

/** 0.0.0.0 alone stands for every address, as if the option were not given. */
function withoutAnyBinding(options: NetworkOptions): NetworkOptions {
  const { hostBindings, ...rest } = options;
  return hostBindings?.join() === '0.0.0.0' ? rest : options;
}

function canonicalName(key: string): string {
  const short = key.startsWith(ownPrefix) ? key.slice(ownPrefix.length) : key;
  return Object.hasOwn(shortNames, short) ? (shortNames[short] ?? key) : key;
}

function parseMode(value: string, key: string): GatewayMode {
  const mode = gatewayModes.find((known) => known === value);
  if (mode === undefined) throw invalid(key, value, gatewayModes.join(', '));
  return mode;
}

function parseIpOf(family: IpFamily, value: string, key: string): Ip {
  const ip = parseIp(value, key);
  if (familyOf(ip) !== family) throw invalid(key, value, `an IPv${family} address`);
  return ip;
}

/** Source: moby, `TrustedHostInterfaces`: names with colons between them. */
function parseInterfaces(value: string, key: string): IfName[] {
  const names = value.split(':').filter((name) => name !== '');
  if (names.length === 0) throw invalid(key, value, 'names of interfaces with colons between them');
  return [...new Set(names.map((name) => parseIfName(name, key)))];
}

/** The spellings that engines take. Source: Go `strconv.ParseBool`. */
function parseBoolean(value: string, key: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw invalid(key, value, 'true or false');
}

/** The engine appends a number of up to two digits to it. */
function parsePrefix(value: string, key: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,12}$/.test(value))
    throw invalid(key, value, 'a letter and up to 12 letters or digits');
  return value;
}
