import { familyOf, type Ip, type IpFamily } from '../../model/index.ts';
import type { Hook, Packet } from './packet.ts';
import type { Truth } from './truth.ts';

/** What is known of a packet at a hook. `undefined` stands for what is not known; a link that there is none is ''. */
export interface Facts {
  readonly hook?: Hook | undefined;
  /** Whether the rules of a bridge are asked: there the links are its ports. */
  readonly isBridged?: boolean | undefined;
  readonly family?: IpFamily | undefined;
  readonly protocol?: Packet['protocol'] | undefined;
  readonly source?: Ip | undefined;
  readonly destination?: Ip | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly inLink?: string | undefined;
  readonly outLink?: string | undefined;
  readonly inPort?: string | undefined;
  /** `invalid`: the kernel has not looked yet to which one it belongs. */
  readonly connection?: 'new' | 'established' | 'untracked' | 'invalid' | undefined;
  /** Whether the destination was translated. */
  readonly isTranslated?: Truth;
  readonly originalDestination?: Ip | undefined;
  readonly originalDestinationPort?: number | undefined;
  readonly mark?: number | undefined;
  readonly localAddresses?: ReadonlySet<string> | undefined;
}

/** What a packet tells at a hook. */
export function factsOf(packet: Packet, hook: Hook, isBridged: boolean): Facts {
  const { original, connection } = packet;
  const isNew = connection === 'new';
  return {
    hook,
    isBridged,
    family: packet.family,
    protocol: packet.protocol,
    source: packet.source,
    destination: packet.destination,
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
    inLink: packet.inLink ?? '',
    outLink: packet.outLink ?? '',
    inPort: packet.inPort ?? '',
    connection,
    // The first packet tells itself what it was; a later one may be an answer.
    isTranslated: original !== undefined ? true : isNew ? false : undefined,
    originalDestination: original?.destination ?? (isNew ? packet.destination : undefined),
    originalDestinationPort:
      original === undefined && !isNew ? undefined : (original?.destinationPort ?? packet.destinationPort),
    mark: packet.mark ?? 0,
    localAddresses: new Set<string>(packet.localAddresses),
  };
}

/** Whether the packet has ports: `undefined` where its protocol is not known. */
export function hasPorts({ protocol }: Facts): Truth {
  return protocol === undefined ? undefined : !protocol.startsWith('icmp');
}

/** Whether the kernel has found the packet's connection. */
export function hasConnection({ connection }: Facts): boolean {
  return connection !== 'invalid' && connection !== 'untracked';
}

/** What the routing table `local` says of an address, as nft(8) names it. Subnet broadcasts count as unicast. */
export function addressType(
  ip: Ip | undefined,
  local: ReadonlySet<string> | undefined,
): 'local' | 'multicast' | 'broadcast' | 'unicast' | undefined {
  if (ip === undefined) return undefined;
  if (ip === '255.255.255.255' || ip === '0.0.0.0') return 'broadcast';
  if (familyOf(ip) === 6 ? ip.startsWith('ff') : /^2(?:2[4-9]|3\d)\./.test(ip)) return 'multicast';
  if (ip.startsWith('127.') || ip === '::1') return 'local';
  if (local === undefined) return undefined;
  return local.has(ip) ? 'local' : 'unicast';
}
