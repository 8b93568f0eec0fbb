import { invalid, parseIfName, parseIp, parseMtu, type IfName, type Ip } from '../../model/index.ts';

/** What `-o key=value` can say of a network. */
export interface NetworkOptions {
  readonly bridge?: IfName;
  readonly mtu?: number;
  readonly allowsIcc: boolean;
  readonly masquerades: boolean;
  readonly hostBindings?: readonly Ip[];
  readonly interfacePrefix?: string;
}

type Reader = (value: string, key: string) => Partial<NetworkOptions>;

/** Every key, under the names that Docker's bridge driver gave it and under a short one. */
const readers: Readonly<Record<string, Reader>> = {
  'com.docker.network.bridge.name': (value, key) => ({ bridge: parseIfName(value, key) }),
  'com.docker.network.driver.mtu': (value, key) => ({ mtu: parseMtu(value, key) }),
  'com.docker.network.bridge.enable_icc': (value, key) => ({ allowsIcc: parseBoolean(value, key) }),
  'com.docker.network.bridge.enable_ip_masquerade': (value, key) => ({
    masquerades: parseBoolean(value, key),
  }),
  'com.docker.network.bridge.host_binding_ipv4': (value, key) => hostBindings(value, key),
  'com.docker.network.container_iface_prefix': (value, key) => ({ interfacePrefix: parsePrefix(value, key) }),
};

const shortNames: Readonly<Record<string, string>> = {
  bridge: 'com.docker.network.bridge.name',
  mtu: 'com.docker.network.driver.mtu',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  host_binding_ipv4: 'com.docker.network.bridge.host_binding_ipv4',
  interface_prefix: 'com.docker.network.container_iface_prefix',
};

const ownPrefix = 'tsnet.';

/**
 * Reads the options of a network. Short names may carry the prefix `tsnet.`; keys that are neither ours nor known are
 * left to others.
 *
 * @throws invalid-input for a bad value, for an unknown key with our prefix, and for one setting given twice in two ways
 */
export function parseNetworkOptions(options: Readonly<Record<string, string>>): NetworkOptions {
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
    result = { ...result, ...read(value, `option ${key}`) };
  }
  return result;
}

function canonicalName(key: string): string {
  const short = key.startsWith(ownPrefix) ? key.slice(ownPrefix.length) : key;
  return Object.hasOwn(shortNames, short) ? (shortNames[short] ?? key) : key;
}

/** The spellings that engines take. Source: Go `strconv.ParseBool`. */
function parseBoolean(value: string, key: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw invalid(key, value, 'true or false');
}

/** 0.0.0.0 stands for every address, as if the option were not given. */
function hostBindings(value: string, key: string): Partial<NetworkOptions> {
  const ip = parseIp(value, key);
  return ip === '0.0.0.0' ? {} : { hostBindings: [ip] };
}

/** The engine appends a number of up to two digits to it. */
function parsePrefix(value: string, key: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,12}$/.test(value))
    throw invalid(key, value, 'a letter and up to 12 letters or digits');
  return value;
}
