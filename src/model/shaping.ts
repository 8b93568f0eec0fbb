import { invalid } from './errors.ts';

/** How fast traffic may pass in one direction. */
export interface RateLimit {
  /** Bits per second, from 1,000 to 10¹⁵, with everything that a frame has but its preamble. */
  readonly rate: number;
  /** Bits that may pass at once after a rest; absent lets tsnet choose. */
  readonly burst?: number;
}

/** How fast a container may be on a network, seen from the container. A direction that is absent is not limited. */
export interface Shaping {
  /** Towards the container. */
  readonly ingress?: RateLimit;
  /** From the container. */
  readonly egress?: RateLimit;
}

/** The range that Kubernetes takes as well. Source: kubernetes `pkg/util/bandwidth/utils.go`. */
const leastRate = 1_000;
const mostRate = 1e15;

/** What runtimes send when they want no burst in particular. Source: containerd and CRI-O, `math.MaxUint32`. */
const anyBurst = 2 ** 32 - 1;

/** Without a wish a burst takes so long at the rate: longer ones make queues long, shorter ones cost throughput. */
const burstSeconds = 0.01;
/** Eleven frames of usual size, which TCP needs to keep going at a low rate. */
const leastBurst = 16_384 * 8;
/** The kernel counts the time that a burst takes in 32 bits of 64 ns. Source: Linux `sch_tbf.c`. */
const longestBurstSeconds = 274;
/** Ethernet header and a tag. */
const frameOverhead = 18;

/**
 * Reads a rate in bits per second: a number, or text as tc(8) has it, such as `10mbit`. Prefixes are powers of 1,000, or
 * of 1,024 when written as `kibit`.
 *
 * @throws invalid-input
 */
export function parseRate(value: unknown, field = 'rate'): number {
  const rate = parseBits(value);
  if (rate === undefined || rate < leastRate || rate > mostRate) {
    throw invalid(field, value, 'bits per second from 1kbit to 1000tbit, such as 10mbit or 1gbit');
  }
  return rate;
}

/**
 * Reads a burst in bits, written like a rate; undefined for 4294967295 and more, with which runtimes leave it to us.
 *
 * @throws invalid-input
 */
export function parseBurst(value: unknown, field = 'burst'): number | undefined {
  const burst = parseBits(value);
  if (burst === undefined || burst < 1) throw invalid(field, value, 'a number of bits, such as 256kbit');
  return burst >= anyBurst ? undefined : burst;
}

/**
 * Reads the limit of one direction as runtimes send it; undefined when there is none: the rate is absent or 0.
 *
 * @param fields what the two are called
 * @throws invalid-input, also for a burst without a rate
 */
export function parseRateLimit(
  { rate, burst }: { readonly rate?: unknown; readonly burst?: unknown },
  fields: { readonly rate: string; readonly burst: string } = { rate: 'rate', burst: 'burst' },
): RateLimit | undefined {
  const bits = isNothing(burst) ? undefined : parseBurst(burst, fields.burst);
  if (isNothing(rate)) {
    if (bits !== undefined)
      throw invalid(fields.burst, burst, `nothing, because ${fields.rate} is not given`);
    return undefined;
  }
  return { rate: parseRate(rate, fields.rate), ...(bits === undefined ? {} : { burst: bits }) };
}

/** Both directions together; undefined when neither is limited. */
export function shapingOf(
  ingress: RateLimit | undefined,
  egress: RateLimit | undefined,
): Shaping | undefined {
  if (ingress === undefined && egress === undefined) return undefined;
  return { ...(ingress === undefined ? {} : { ingress }), ...(egress === undefined ? {} : { egress }) };
}

/** A limit with the burst that is kept: chosen where none is wished, never less than a frame, as none would ever pass. */
export function withBurst({ rate, burst }: RateLimit, mtu = 1500): Required<RateLimit> {
  const wanted = burst ?? Math.max(leastBurst, rate * burstSeconds);
  const least = 8 * (mtu + frameOverhead);
  return { rate, burst: Math.floor(Math.min(Math.max(wanted, least), rate * longestBurstSeconds)) };
}

const prefixes = ['', 'k', 'm', 'g', 't'];

/** A whole number of bits; undefined when it is none. */
function parseBits(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,16}(?:\.\d{1,9})?)(?:([kmgt]?)(i?)bit)?$/i.exec(value);
  if (match === null) return undefined;
  const [, number = '', prefix = '', binary = ''] = match;
  if (binary !== '' && prefix === '') return undefined;
  const base = binary === '' ? 1000 : 1024;
  return Math.round(Number(number) * base ** prefixes.indexOf(prefix.toLowerCase()));
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === 0;
}
