import { field, isList, isObject, type Json } from './json.ts';
import type { Domain } from './selectors.ts';

/** Bits of `ct state`. Source: Linux nf_conntrack_common.h; nft ct.c. */
export const states: Readonly<Record<string, number>> = {
  invalid: 1,
  established: 2,
  related: 4,
  new: 8,
  untracked: 64,
};

/** Bits of `ct status`. Source: Linux nf_conntrack_common.h, enum ip_conntrack_status. */
export const statuses = {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  'dnat-done': 256,
  dying: 512,
} as const;

/** Source: RFC 9293. */
const tcpFlags: Readonly<Record<string, number>> = {
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ecn: 64,
  cwr: 128,
};

/** Names of the flags of a domain; `undefined` for domains without flags. */
export function flagsOf(domain: Domain): Readonly<Record<string, number>> | undefined {
  return { state: states, status: statuses, 'tcp-flags': tcpFlags }[domain as string];
}

/** A flag, a list of flags or a number as a mask; `undefined` for what is none. */
export function flagMask(
  value: Json | undefined,
  flags: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return flags[value];
  const list = isObject(value) ? field(value, '|') : value;
  if (!isList(list)) return undefined;
  let mask = 0;
  for (const item of list) {
    const bit = flagMask(item, flags);
    if (bit === undefined) return undefined;
    mask |= bit;
  }
  return mask;
}
