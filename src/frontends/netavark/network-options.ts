import { invalid, parseMtu, TsnetError } from '../../model/index.ts';
import { parseNetworkOptions, unknownDockerKeys, type NetworkOptions } from '../docker/network-options.ts';

/** What `--opt key=value` of `podman network create` can say. */
export interface PodmanOptions {
  readonly network: NetworkOptions;
  /** Of the default routes in containers; absent where none was named. */
  readonly metric?: number;
  readonly hasDefaultRoute: boolean;
}

/** What Podman's own bridge driver knows and this one can't keep, with the reason. */
const unkept: ReadonlyMap<string, string> = new Map([
  ['vlan', 'the bridge has no VLANs'],
  ['vrf', 'the bridge belongs to no VRF'],
  ['bclim', 'it belongs to macvlan networks'],
  ['host_interface_name', 'the name on the host belongs to the endpoint'],
]);

/** Podman's names for what has another name here. */
const sameAs: ReadonlyMap<string, string> = new Map([
  ['outbound_addr4', 'com.docker.network.host_ipv4'],
  ['outbound_addr6', 'com.docker.network.host_ipv6'],
]);

const known = ['mtu', 'isolate', 'metric', 'no_default_route', 'mode', ...sameAs.keys(), 'tsnet.…'];

/**
 * Reads the options of a network: those of Podman's bridge driver, and those of our Docker driver under their long names
 * or with `tsnet.` in front.
 *
 * Source: containers/common `libnetwork/types/const.go`; netavark `src/network/constants.rs`.
 *
 * @throws invalid-input for an unknown key or a bad value; unsupported for what can't be kept
 */
export function parsePodmanOptions(
  options: Readonly<Record<string, string>>,
  isInternal: boolean,
): PodmanOptions {
  const ours: Record<string, string> = {};
  let mtu: number | undefined;
  let metric: number | undefined;
  let hasDefaultRoute = true;
  for (const [key, value] of Object.entries(options)) {
    const field = `option ${key}`;
    if (key === 'mtu') mtu = value === '0' ? undefined : parseMtu(value, field);
    else if (key === 'metric') metric = parseMetric(value, field);
    else if (key === 'no_default_route') hasDefaultRoute = !parseBoolean(value, field);
    else if (key === 'isolate') requireIsolation(value, field);
    else if (key === 'mode') requireManaged(value, field);
    else if (unkept.has(key)) throw new TsnetError('unsupported', `${field}: ${unkept.get(key)}`);
    else ours[sameAs.get(key) ?? key] = value;
  }
  for (const key of Object.keys(ours)) {
    if (!/^(?:tsnet|com\.docker\.network)\./.test(key)) {
      throw invalid('option', key, `one of ${known.join(', ')}`);
    }
  }
  const network = parseNetworkOptions(ours, isInternal);
  const [unknown] = unknownDockerKeys(ours);
  if (unknown !== undefined) throw invalid('option', unknown, `one of ${known.join(', ')}`);
  return {
    network: { ...network, ...(mtu === undefined ? {} : { mtu }) },
    ...(metric === undefined ? {} : { metric }),
    hasDefaultRoute,
  };
}

/** Networks are always kept apart here, as with `isolate=strict`. */
function requireIsolation(value: string, field: string): void {
  if (value === 'strict' || parseBoolean(value, field)) return;
  throw new TsnetError('unsupported', `${field}: networks of this driver are always kept apart`, {
    hint: 'leave the option out, and attach the container to both networks',
  });
}

function requireManaged(value: string, field: string): void {
  if (value !== 'managed') {
    throw new TsnetError('unsupported', `${field}: ${JSON.stringify(value)} is not known, only managed`, {
      hint: 'a bridge that exists is used as it is when it is named with --interface-name',
    });
  }
}

function parseMetric(value: string, field: string): number {
  if (!/^\d{1,10}$/.test(value) || Number(value) > 0xffff_ffff) {
    throw invalid(field, value, 'a number from 0 to 4294967295');
  }
  return Number(value);
}

/** The spellings that Podman takes. Source: Go `strconv.ParseBool`. */
function parseBoolean(value: string, field: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw invalid(field, value, 'true or false');
}
