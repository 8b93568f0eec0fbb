import { invalid, parseIp, parseMac, type Ip, type Mac } from '../../../model/index.ts';
import type { NetworkMode, NetworkWish } from '../../../run/index.ts';
import {
  limitOfKey,
  limitsOfFlags,
  limitsOfOption,
  shapingOf,
  type GivenLimits,
  type ShapingFlags,
} from './shaping-flags.ts';

/** Flags beside `--network` that speak of the one network. */
export interface NetworkFlags extends ShapingFlags {
  readonly network?: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly macAddress?: string;
  readonly alias?: readonly string[];
}

const allowed = 'NETWORK, NETWORK:ip=ADDRESS,mac=ADDRESS,alias=NAME,rate=RATE, or name=NETWORK,ip=ADDRESS,…';

/**
 * Reads all `--network` flags: `bridge`, `none`, `host`, `container:NAME`, or networks, each with its own wishes in the
 * spelling of Docker (`name=lab,ip=10.1.0.9`) or Podman (`lab:ip=10.1.0.9`). `--ip` and its like speak of the first network.
 *
 * @throws invalid-input for a bad value, and for modes that exclude each other
 */
export function parseNetworkFlags(flags: NetworkFlags): NetworkMode {
  const texts = flags.network ?? ['bridge'];
  const special = texts.map(parseSpecial).find((mode) => mode !== undefined);
  if (special === undefined) return { kind: 'networks', wishes: withFlags(texts.map(parseWish), flags) };
  if (texts.length > 1) {
    const text = texts.find((one) => parseSpecial(one) !== undefined) ?? '';
    throw invalid('--network', text, 'only this one, because it stands for all interfaces');
  }
  const stray = flagsOfOneNetwork.find((key) => flags[key] !== undefined);
  if (stray !== undefined) {
    throw invalid(
      flagNameOf(stray),
      [flags[stray]].flat().join(','),
      `none with --network ${texts.join()}: ${reasons[special.kind]}`,
    );
  }
  return special;
}

const flagsOfOneNetwork = [
  'ip',
  'ip6',
  'macAddress',
  'alias',
  'rate',
  'ingressRate',
  'egressRate',
  'burst',
  'ingressBurst',
  'egressBurst',
  'driverOpt',
] as const satisfies readonly (keyof NetworkFlags)[];

function flagNameOf(key: (typeof flagsOfOneNetwork)[number]): string {
  if (key === 'alias') return '--network-alias';
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Why a mode excludes what belongs to an interface of one's own. */
export const reasons: Readonly<Record<SpecialMode['kind'], string>> = {
  none: 'the sandbox has no interface but loopback',
  host: "the command has the host's own interfaces, addresses and ports",
  sandbox: 'the command has the interfaces, addresses and ports of the other sandbox',
};

type SpecialMode = Exclude<NetworkMode, { readonly kind: 'networks' }>;

function parseSpecial(text: string): SpecialMode | undefined {
  if (text === 'none' || text === 'host') return { kind: text };
  if (!text.startsWith('container:')) return undefined;
  const name = text.slice('container:'.length);
  if (name === '') throw invalid('--network', text, 'container: and the name of a sandbox');
  return { kind: 'sandbox', name };
}

/** What one flag says of one network; flags beside it may add to its limits. */
interface ReadWish {
  readonly wish: NetworkWish;
  readonly limits: readonly GivenLimits[];
}

function parseWish(text: string): ReadWish {
  const isNamed = /^[a-z0-9-]+=/.test(text);
  const [, head = '', tail] = isNamed ? ['', '', text] : (/^([^:]*)(?::(.*))?$/.exec(text) ?? []);
  let network = head;
  const ips: Ip[] = [];
  const aliases: string[] = [];
  const limits: GivenLimits[] = [];
  let mac: Mac | undefined;
  for (const pair of tail === undefined ? [] : tail.split(',')) {
    const at = pair.indexOf('=');
    const [key, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (at < 1) throw invalid('--network', text, allowed);
    const limit = limitOfKey(key, value, '--network');
    if (key === 'name' && isNamed) network = value;
    else if (key === 'ip' || key === 'ip6') ips.push(parseIp(value, `--network ${key}`));
    else if (key === 'mac' || key === 'mac-address') mac = parseMac(value, `--network ${key}`);
    else if (key === 'alias') aliases.push(parseAlias(value, '--network alias'));
    else if (key === 'driver-opt') limits.push(limitsOfOption(value, '--network driver-opt'));
    else if (limit !== undefined) limits.push(limit);
    else throw invalid('--network', text, allowed);
  }
  if (network === '') throw invalid('--network', text, allowed);
  return { wish: { network, ips, aliases, ...(mac === undefined ? {} : { mac }) }, limits };
}

function withFlags([first, ...others]: readonly ReadWish[], flags: NetworkFlags): NetworkWish[] {
  if (first === undefined) return [];
  const { ip, ip6, macAddress, alias = [] } = flags;
  const ips = [
    ...(ip === undefined ? [] : [parseFamily(ip, 4, '--ip')]),
    ...(ip6 === undefined ? [] : [parseFamily(ip6, 6, '--ip6')]),
  ];
  const names = alias.map((name) => parseAlias(name, '--network-alias'));
  return [
    {
      ...first.wish,
      ips: [...first.wish.ips, ...ips],
      aliases: [...first.wish.aliases, ...names],
      ...(macAddress === undefined ? {} : { mac: parseMac(macAddress, '--mac-address') }),
      ...shapingOf(...first.limits, limitsOfFlags(flags)),
    },
    ...others.map(({ wish, limits }) => ({ ...wish, ...shapingOf(...limits) })),
  ];
}

function parseFamily(text: string, family: 4 | 6, field: string): Ip {
  const ip = parseIp(text, field);
  if (ip.includes(':') !== (family === 6)) throw invalid(field, text, `an IPv${family} address`);
  return ip;
}

/** Reads a name that is to stand in a hosts file. @throws invalid-input */
export function parseAlias(text: string, field: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(text)) {
    throw invalid(field, text, 'a host name of letters, digits, dots, dashes and underscores');
  }
  return text;
}
