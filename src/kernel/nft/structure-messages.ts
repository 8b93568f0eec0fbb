import type { Message } from '../netlink/message.ts';
import { messageFlags } from '../netlink/message.ts';
import { MessageWriter } from '../netlink/message-writer.ts';
import { header, messageType, type TableName } from './messages.ts';
import { fieldLengths, padded, type FieldType, type SetSchema } from './set-element.ts';
import { encodeComment } from './userdata.ts';

/** A chain at a hook, whose policy is to accept. */
export interface BaseChain {
  readonly name: string;
  readonly hook: 'prerouting' | 'forward';
  readonly priority: number;
  readonly rules: readonly Rule[];
}

/** What a rule asks, all of which must hold, and what then happens to the packet. */
export interface Rule {
  readonly tests: readonly Test[];
  readonly verdict: 'accept' | 'drop';
}

/** One question of a rule. */
export type Test =
  /** Whether names of interfaces, in this order, are an element of a set. */
  | { readonly names: readonly ('iifname' | 'oifname')[]; readonly set: SetSchema }
  | { readonly family: 4 | 6 }
  | { readonly connection: 'established,related' | 'dnat' }
  /** Whether an IPv4 address is in 127.0.0.0/8. */
  | { readonly loopback: 'source' | 'destination' }
  /** Whether the frame came in at an interface of a group. */
  | { readonly inputGroup: number }
  /** Whether the EtherType is none of these. */
  | { readonly otherThan: readonly number[] };

/** Makes a table. Only inside a batch. */
export function addTable({ family, name }: TableName, comment: string): Message {
  const body = new MessageWriter(header(family))
    .string(tableAttributes.name, name)
    .bytes(tableAttributes.userdata, encodeComment(comment)).body;
  return {
    type: messageType(types.newTable),
    flags: messageFlags.create,
    body,
    doing: `add nft table ${family} ${name}`,
  };
}

/**
 * Makes a table that only the socket which sends this can change, and that goes when the socket is closed. What others
 * flush leaves it out. Only inside a batch.
 *
 * Source: `linux/netfilter/nf_tables.h`, NFT_TABLE_F_OWNER; Linux 5.12.
 */
export function addOwnedTable({ family, name }: TableName, comment: string): Message {
  const body = new MessageWriter(header(family))
    .string(tableAttributes.name, name)
    .be32(tableAttributes.flags, ownerFlag)
    .bytes(tableAttributes.userdata, encodeComment(comment)).body;
  return {
    type: messageType(types.newTable),
    flags: messageFlags.create | messageFlags.exclusive,
    body,
    doing: `add nft table ${family} ${name} with flag owner`,
  };
}

/** Deletes a table and all in it. Only inside a batch. */
export function deleteTable({ family, name }: TableName): Message {
  const body = new MessageWriter(header(family)).string(tableAttributes.name, name).body;
  return { type: messageType(types.deleteTable), body, doing: `delete nft table ${family} ${name}` };
}

/** Makes an empty set of names of interfaces. Only inside a batch. @param id different for each set of the batch */
export function addSet({ family, name }: TableName, set: SetSchema, id: number): Message {
  const lengths = set.key.map((type) => padded(fieldLengths[type]));
  const body = new MessageWriter(header(family))
    .string(setAttributes.table, name)
    .string(setAttributes.name, set.name)
    .be32(
      setAttributes.keyType,
      set.key.reduce((sum, type) => (sum << keyTypeBits) | keyTypeOf(type), 0),
    )
    .be32(
      setAttributes.keyLength,
      lengths.reduce((sum, length) => sum + length, 0),
    )
    .be32(setAttributes.id, id)
    // A list shows names as empty where it is not told how their bytes are ordered.
    .bytes(setAttributes.userdata, set.key.length === 1 ? hostOrder : undefined).body;
  return {
    type: messageType(types.newSet),
    flags: messageFlags.create,
    body,
    doing: `add nft set ${family} ${name} ${set.name}`,
  };
}

/** Makes a chain with its rules. Only inside a batch, after the sets. */
export function addChain({ family, name }: TableName, chain: BaseChain): Message[] {
  const body = new MessageWriter(header(family))
    .string(chainAttributes.table, name)
    .string(chainAttributes.name, chain.name)
    .nested(chainAttributes.hook, (hook) =>
      hook.be32(hookAttributes.number, hooks[chain.hook]).be32(hookAttributes.priority, chain.priority >>> 0),
    )
    .be32(chainAttributes.policy, verdicts.accept)
    .string(chainAttributes.type, 'filter').body;
  const doing = `add nft chain ${family} ${name} ${chain.name}`;
  return [
    { type: messageType(types.newChain), flags: messageFlags.create, body, doing },
    ...chain.rules.map((rule) => ({
      type: messageType(types.newRule),
      flags: messageFlags.create | messageFlags.append,
      body: encodeRule({ family, name }, chain.name, rule),
      doing: `add nft rule ${family} ${name} ${chain.name}`,
    })),
  ];
}

// Source of all numbers: `linux/netfilter/nf_tables.h`, NFT_* and NFTA_*.

const types = { newTable: 0, deleteTable: 2, newChain: 3, newRule: 6, newSet: 9 } as const;
const tableAttributes = { name: 1, flags: 2, userdata: 6 } as const;
const ownerFlag = 2;
const setAttributes = { table: 1, name: 2, keyType: 4, keyLength: 5, id: 10, userdata: 13 } as const;
/** NFTNL_UDATA_SET_KEYBYTEORDER with BYTEORDER_HOST_ENDIAN. Source: libnftnl udata.h, nft(8) datatype.h. */
const hostOrder = Uint8Array.of(0, 4, 1, 0, 0, 0);
const chainAttributes = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const hookAttributes = { number: 1, priority: 2 } as const;
/** NF_INET_*. Source: `linux/netfilter.h`. */
const hooks = { prerouting: 0, forward: 2 } as const;
/** NF_DROP, NF_ACCEPT. */
const verdicts = { drop: 0, accept: 1 } as const;
const ruleAttributes = { table: 1, chain: 2, expressions: 4 } as const;
const listItem = 1;
const expression = { name: 1, data: 2 } as const;
const dataAttributes = { value: 1, verdict: 2 } as const;
const verdictCode = 1;

/** The kernel keeps the type of a key for nft(8) only. Source: nft(8), TYPE_IFNAME and TYPE_BITS. */
const keyTypeBits = 6;
const interfaceName = 41;

/** NFT_REG_VERDICT, and NFT_REG_1 and on with 16 bytes each. */
const registers = { verdict: 0, first: 1 } as const;
const metaKeys = { iifname: 6, oifname: 7, nfproto: 15, iifgroup: 21 } as const;
const metaAttributes = { register: 1, key: 2 } as const;
const protocolFamilies = { 4: 2, 6: 10 } as const;
/** NFT_CT_STATE with the bits of established and related; NFT_CT_STATUS with IPS_DST_NAT. */
const connectionTests = { 'established,related': { key: 0, bits: 6 }, dnat: { key: 2, bits: 0x20 } } as const;
const headers = { link: 0, network: 1 } as const;
/** Where a frame has its EtherType. Source: IEEE 802.3. */
const etherTypeOffset = 12;
/** Where an IPv4 header has its addresses. Source: RFC 791. */
const addressOffsets = { source: 12, destination: 16 } as const;
const comparisons = { equal: 0, notEqual: 1 } as const;

type Writer = (inner: MessageWriter) => void;
type Expression = readonly [name: string, write: Writer];

function keyTypeOf(type: FieldType): number {
  if (type === 'ifname') return interfaceName;
  throw new RangeError(`a set of ${type} is not made here`);
}

function encodeRule({ family, name }: TableName, chain: string, { tests, verdict }: Rule): Uint8Array {
  const expressions = [...tests.flatMap(expressionsOf), verdictOf(verdict)];
  return new MessageWriter(header(family))
    .string(ruleAttributes.table, name)
    .string(ruleAttributes.chain, chain)
    .nested(ruleAttributes.expressions, (list) => {
      for (const [kind, write] of expressions)
        list.nested(listItem, (item) => item.string(expression.name, kind).nested(expression.data, write));
    }).body;
}

function expressionsOf(test: Test): Expression[] {
  if ('names' in test) {
    const load = test.names.map((key, index) => meta(metaKeys[key], registers.first + index));
    return [...load, ['lookup', (inner) => inner.string(1, test.set.name).be32(2, registers.first)]];
  }
  if ('family' in test) return isFamily(test.family);
  if ('inputGroup' in test) {
    const group = Buffer.alloc(4);
    group.writeUInt32LE(test.inputGroup);
    return [meta(metaKeys.iifgroup, registers.first), compare(comparisons.equal, group)];
  }
  if ('otherThan' in test) {
    return [
      payload(headers.link, etherTypeOffset, 2),
      ...test.otherThan.map((type) => compare(comparisons.notEqual, Uint8Array.of(type >> 8, type & 0xff))),
    ];
  }
  if ('connection' in test) {
    const { key, bits } = connectionTests[test.connection];
    const mask = Buffer.alloc(4);
    mask.writeUInt32LE(bits);
    return [
      ['ct', (inner) => inner.be32(1, registers.first).be32(2, key)],
      masked(mask),
      compare(comparisons.notEqual, Buffer.alloc(4)),
    ];
  }
  // nft(8) shows a prefix that ends with a byte as a prefix if one byte is loaded.
  return [
    ...isFamily(4),
    payload(headers.network, addressOffsets[test.loopback], 1),
    compare(comparisons.equal, Uint8Array.of(127)),
  ];
}

function isFamily(family: 4 | 6): Expression[] {
  return [
    meta(metaKeys.nfproto, registers.first),
    compare(comparisons.equal, Uint8Array.of(protocolFamilies[family])),
  ];
}

function meta(key: number, register: number): Expression {
  return ['meta', (inner) => inner.be32(metaAttributes.register, register).be32(metaAttributes.key, key)];
}

function payload(base: number, offset: number, length: number): Expression {
  return ['payload', (inner) => inner.be32(1, registers.first).be32(2, base).be32(3, offset).be32(4, length)];
}

function compare(comparison: number, value: Uint8Array): Expression {
  return [
    'cmp',
    (inner) =>
      inner
        .be32(1, registers.first)
        .be32(2, comparison)
        .nested(3, (data) => data.bytes(dataAttributes.value, value)),
  ];
}

function masked(mask: Uint8Array): Expression {
  return [
    'bitwise',
    (inner) =>
      inner
        .be32(1, registers.first)
        .be32(2, registers.first)
        .be32(3, mask.length)
        .nested(4, (data) => data.bytes(dataAttributes.value, mask))
        .nested(5, (data) => data.bytes(dataAttributes.value, new Uint8Array(mask.length))),
  ];
}

function verdictOf(verdict: Rule['verdict']): Expression {
  return [
    'immediate',
    (inner) =>
      inner
        .be32(1, registers.verdict)
        .nested(2, (data) =>
          data.nested(dataAttributes.verdict, (code) => code.be32(verdictCode, verdicts[verdict])),
        ),
  ];
}
