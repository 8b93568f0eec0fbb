import type { SkbEvent } from '../../kernel/trace/index.ts';

/** A link that a packet crossed. The namespace is not told by the kernel. */
export interface TrailStep {
  readonly kind: 'send' | 'receive';
  readonly device: string;
  /** Microseconds since it was first seen. */
  readonly microseconds: number;
}

/** The way of one packet as the kernel told it. */
export interface Trail {
  readonly steps: readonly TrailStep[];
  /** Absent when it arrived, or when its end was not seen. */
  readonly drop?: { readonly reason: string; readonly location: string };
  /** Whether it is the packet of the probe and no other. */
  readonly isCertain: boolean;
}

/** How to know the packet of a probe. */
export interface WantedPacket {
  /** The process that sends it. */
  readonly pid: number;
  /** Seconds since boot, when it was sent and when the attempt was over. */
  readonly since: number;
  readonly until: number;
  /** Bytes that the IP packet may have. */
  readonly lengths: readonly number[];
  /** Names of the links that it can leave by. */
  readonly devices: readonly string[];
}

/** What became of a probe's first packet, and of the answer to it. */
export interface Trails {
  readonly packet?: Trail;
  /** TCP only: an answer to a datagram may have any length. */
  readonly answer?: Trail;
}

/** Packets between links of one host arrive sooner than this after they left, in seconds. */
const sameWay = 0.05;
/** For neighbours that do not answer packets are kept for seconds. Source: Linux `include/net/dropreason-core.h`. */
const lateReasons = /^NEIGH_/;

/**
 * Finds the packet of a probe among all that happened. A packet keeps its address in the kernel's memory on its way
 * over links and through namespaces, and its length; what the sender causes happens in its own context mostly.
 *
 * @param events in the order of times
 */
export function followPacket(events: readonly SkbEvent[], wanted: WantedPacket): Trails {
  const during = events.filter(({ time }) => time >= wanted.since && time <= wanted.until);
  const first = firstOf(during, wanted);
  if (first === undefined)
    return dropOnly(during.find((event) => event.kind === 'drop' && isBy(event, wanted)));
  const packet = withCopies(during, first, follow(during, first, isBy(first, wanted)), wanted);
  const end = packet.steps.at(-1);
  if (packet.drop !== undefined || end?.kind !== 'receive') return { packet };
  const last = first.time + (end.microseconds - 1) / 1e6;
  const reply = during.find(
    ({ kind, device, time, skb, length }) =>
      kind === 'send' &&
      device === end.device &&
      time >= last &&
      skb !== first.skb &&
      isOfLength(kind, length, wanted),
  );
  return reply === undefined ? { packet } : { packet, answer: follow(during, reply, packet.isCertain) };
}

/**
 * Where the packet left. In the context of another process it does so only after it waited, for a neighbour say; then
 * it must not be dropped in the sender's own before, and there must be no other packet that it could be.
 */
function firstOf(events: readonly SkbEvent[], wanted: WantedPacket): SkbEvent | undefined {
  const sent = events.filter(
    ({ kind, length, device = '' }) =>
      kind === 'send' && isOfLength(kind, length, wanted) && wanted.devices.includes(device),
  );
  const own = sent.find((event) => isBy(event, wanted));
  if (own !== undefined || events.some((event) => event.kind === 'drop' && isBy(event, wanted))) return own;
  return new Set(sent.map(({ skb }) => skb)).size === 1 ? sent[0] : undefined;
}

/** The sender works for itself until the packet is handed to a link. */
function isBy({ pid, isOwn }: SkbEvent, wanted: WantedPacket): boolean {
  return isOwn && pid === wanted.pid;
}

function isOfLength(kind: SkbEvent['kind'], length: number | undefined, { lengths }: WantedPacket): boolean {
  if (length === undefined) return false;
  return lengths.includes(length) || (kind === 'send' && lengths.includes(length - linkHeader));
}

const linkHeader = 14;

/**
 * A bridge that does not know where an address is sends copies to all ports, and the last gets the packet itself: then
 * the copy counts that was not for somebody else.
 */
function withCopies(
  events: readonly SkbEvent[],
  first: SkbEvent,
  packet: Trail,
  wanted: WantedPacket,
): Trail {
  if (packet.drop?.reason !== otherHost) return packet;
  const seen = new Set([first.skb]);
  for (const event of events) {
    const { kind, time, skb, length } = event;
    if (kind !== 'send' || time < first.time || time - first.time > sameWay || seen.has(skb)) continue;
    if (!isOfLength(kind, length, wanted)) continue;
    seen.add(skb);
    const copy = follow(events, event, packet.isCertain);
    if (copy.drop?.reason === otherHost) continue;
    const offset = Math.round((time - first.time) * 1e6);
    const before = packet.steps.filter(({ microseconds }) => microseconds <= offset);
    const after = copy.steps.map((step) => ({ ...step, microseconds: step.microseconds + offset }));
    return { ...copy, steps: [...before, ...after] };
  }
  return packet;
}

const otherHost = 'OTHERHOST';

function follow(events: readonly SkbEvent[], first: SkbEvent, isCertain: boolean): Trail {
  const steps: TrailStep[] = [];
  let last = first.time;
  const from = events.indexOf(first);
  const size = ({ kind, length = 0 }: SkbEvent): number => (kind === 'send' ? length : length + linkHeader);
  // Behind a link without link layer header.
  const isSameSize = (event: SkbEvent): boolean =>
    [0, linkHeader].includes(Math.abs(size(event) - size(first)));
  for (const event of events.slice(from)) {
    if (event.skb !== first.skb) continue;
    if (event.kind === 'drop') {
      const drop = { reason: event.reason ?? 'unknown', location: event.location ?? 'unknown' };
      if (event.time - last > sameWay && !lateReasons.test(drop.reason)) break;
      return { steps, drop, isCertain };
    }
    const { kind, device = '?' } = event;
    // Its memory was given to another packet, or it is sent a second time.
    if (event.time - last > sameWay || !isSameSize(event)) break;
    if (event !== first && kind === first.kind && device === first.device) break;
    steps.push({ kind, device, microseconds: Math.round((event.time - first.time) * 1e6) });
    last = event.time;
  }
  return { steps, isCertain };
}

/** It was dropped before it came to a link, or nothing was seen. */
function dropOnly(drop: SkbEvent | undefined): Trails {
  if (drop === undefined) return {};
  const { reason = 'unknown', location = 'unknown' } = drop;
  return { packet: { steps: [], drop: { reason, location }, isCertain: true } };
}
