import { Attributes, malformed } from './attributes.ts';
import type { MessageWriter } from './message-writer.ts';

/** How the qdisc tbf (token bucket filter) lets packets pass. Source: tc-tbf(8). */
export interface TokenBucket {
  /** Bytes per second. */
  readonly rate: number;
  /**
   * Bytes that may pass at once after a rest; no packet that is larger ever passes. Kept as the time that they take at
   * the rate, in 32 bits of 64 ns, which is 274 s at most.
   */
  readonly burst: number;
  /** Bytes that wait at most; what comes on top is dropped. */
  readonly limit: number;
}

/** TCA_TBF_*. Source: `linux/pkt_sched.h`. */
const attribute = { parameters: 1, rate64: 4 } as const;

/** Nanoseconds in the kernel's unit of time. Source: Linux `include/net/pkt_sched.h`, PSCHED_SHIFT. */
const tickNanoseconds = 64;
const largest32 = 0xffffffff;

/** TC_LINKLAYER_ETHERNET; with it the kernel needs no table of rates. Source: `linux/pkt_sched.h`, Linux `tbf_change()`. */
const ethernetLayer = 1;

/** Offsets in struct tc_tbf_qopt: a struct tc_ratespec for the rate, one for the peak. Source: `linux/pkt_sched.h`. */
const offsets = { linkLayer: 1, rate: 8, limit: 24, buffer: 28 } as const;
const parametersLength = 36;

/** The number of bytes that wait at most if none shall wait longer than `latencySeconds`. Source: iproute2 `q_tbf.c`. */
export function limitFor(rate: number, burst: number, latencySeconds: number): number {
  return Math.min(Math.round(rate * latencySeconds + burst), largest32);
}

/** Writes the options of a tbf. */
export function writeTokenBucket(options: MessageWriter, { rate, burst, limit }: TokenBucket): void {
  const parameters = Buffer.alloc(parametersLength);
  const ticks = Math.round((burst / rate) * (1e9 / tickNanoseconds));
  parameters.writeUInt8(ethernetLayer, offsets.linkLayer);
  parameters.writeUInt32LE(Math.min(rate, largest32), offsets.rate);
  parameters.writeUInt32LE(limit, offsets.limit);
  parameters.writeUInt32LE(Math.min(ticks, largest32), offsets.buffer);
  if (rate > largest32) {
    const rate64 = Buffer.alloc(8);
    rate64.writeBigUInt64LE(BigInt(rate));
    options.bytes(attribute.rate64, rate64);
  }
  options.bytes(attribute.parameters, parameters);
}

/** Reads the options of a tbf. @throws kernel when they are malformed */
export function decodeTokenBucket(options: Attributes): TokenBucket {
  const parameters = options.bytes(attribute.parameters);
  if (parameters === undefined || parameters.length < parametersLength) {
    throw malformed('a tbf has no parameters');
  }
  const rate64 = options.bytes(attribute.rate64);
  const rate =
    rate64 === undefined ? parameters.readUInt32LE(offsets.rate) : Number(rate64.readBigUInt64LE());
  const ticks = parameters.readUInt32LE(offsets.buffer);
  return {
    rate,
    burst: Math.round((ticks * tickNanoseconds * rate) / 1e9),
    limit: parameters.readUInt32LE(offsets.limit),
  };
}
