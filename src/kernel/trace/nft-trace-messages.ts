import { Attributes, MessageWriter, type Message, type Reply } from '../netlink/index.ts';

/** What to trace: packets of a protocol from or to a port, in any namespace whose rules they meet. */
export interface NftTraceFlow {
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
}

/** A rule or policy of nftables (or of iptables by way of it) that a traced packet met. */
export interface NftTraceEvent {
  /** The same for what one packet met at one time in one hook. */
  readonly packet: number;
  /** As nft(8) names families. */
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly kind: 'rule' | 'policy' | 'return';
  /** Of the rule. */
  readonly handle?: number;
  /** What it did: `accept`, `drop`, `queue`, `continue`, `return`, `jump NAME`, `goto NAME`. */
  readonly verdict: string;
  readonly inLinkIndex?: number;
  readonly outLinkIndex?: number;
  /** Ports of the packet as it was then, in the first event of each hook only. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

// Source of all numbers: `linux/netfilter/nfnetlink.h`, `linux/netfilter/nf_tables.h`, `linux/netfilter.h`.

/** NFNLGRP_NFTRACE. */
export const traceGroup = 9;
const subsystem = 10 << 8;
const types = { newTable: 0, newChain: 3, newRule: 6, trace: 17 } as const;
const create = 0x400;
const append = 0x800;
const inet = Uint8Array.of(1, 0, 0, 0);
const familyNames: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

/** NFT_TABLE_F_OWNER: the table ends with the socket that made it. */
const ownedTable = 2;
const tableAttributes = { name: 1, flags: 2 } as const;
const chainAttributes = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const hookAttributes = { number: 1, priority: 2 } as const;
const ruleAttributes = { table: 1, chain: 2, expressions: 4 } as const;
const listItem = 1;
const expressionAttributes = { name: 1, data: 2 } as const;
const dataValue = 1;
const hooks = { prerouting: 0, output: 3 } as const;
/** Before every rule that could drop or translate, and before connection tracking (−200) and the raw tables (−300). */
const priority = -450;
const accept = 1;

/** The messages of a batch that makes a table which marks the packets of a flow for tracing. */
export function traceTable(table: string, { protocol, port }: NftTraceFlow): Message[] {
  const chains = Object.entries(hooks).map(([name, number]): Message => ({
    type: subsystem | types.newChain,
    flags: create,
    body: new MessageWriter(inet)
      .string(chainAttributes.table, table)
      .string(chainAttributes.name, name)
      .nested(chainAttributes.hook, (hook) =>
        hook.be32(hookAttributes.number, number).be32(hookAttributes.priority, priority >>> 0),
      )
      .be32(chainAttributes.policy, accept)
      .string(chainAttributes.type, 'filter').body,
    doing: `add nft chain inet ${table} ${name}`,
  }));
  // Source and destination port are at the beginning of every transport header with ports.
  const rules = Object.keys(hooks).flatMap((chain) =>
    [0, 2].map((offset): Message => ({
      type: subsystem | types.newRule,
      flags: create | append,
      body: new MessageWriter(inet)
        .string(ruleAttributes.table, table)
        .string(ruleAttributes.chain, chain)
        .nested(ruleAttributes.expressions, (list) => {
          addExpression(list, 'meta', (data) =>
            data.be32(metaAttributes.register, register).be32(metaAttributes.key, metaKeys.protocol),
          );
          addCompare(list, Uint8Array.of(protocol));
          addExpression(list, 'payload', (data) =>
            data
              .be32(payloadAttributes.register, register)
              .be32(payloadAttributes.base, transportHeader)
              .be32(payloadAttributes.offset, offset)
              .be32(payloadAttributes.length, 2),
          );
          addCompare(list, Uint8Array.of(port >> 8, port & 0xff));
          addExpression(list, 'immediate', (data) =>
            data
              .be32(immediateAttributes.register, register)
              .nested(immediateAttributes.data, (value) => value.bytes(dataValue, Uint8Array.of(1))),
          );
          addExpression(list, 'meta', (data) =>
            data.be32(metaAttributes.key, metaKeys.trace).be32(metaAttributes.sourceRegister, register),
          );
        }).body,
      doing: `add a rule to nft chain inet ${table} ${chain}`,
    })),
  );
  return [
    {
      type: subsystem | types.newTable,
      flags: create,
      body: new MessageWriter(inet)
        .string(tableAttributes.name, table)
        .be32(tableAttributes.flags, ownedTable).body,
      doing: `add nft table inet ${table}`,
    },
    ...chains,
    ...rules,
  ];
}

/** NFT_REG32_00. */
const register = 8;
const metaAttributes = { register: 1, key: 2, sourceRegister: 3 } as const;
/** NFT_META_L4PROTO and NFT_META_NFTRACE. */
const metaKeys = { protocol: 16, trace: 12 } as const;
const payloadAttributes = { register: 1, base: 2, offset: 3, length: 4 } as const;
const transportHeader = 2;
const compareAttributes = { register: 1, operation: 2, data: 3 } as const;
const equal = 0;
const immediateAttributes = { register: 1, data: 2 } as const;

function addExpression(list: MessageWriter, name: string, write: (data: MessageWriter) => void): void {
  list.nested(listItem, (item) =>
    item.string(expressionAttributes.name, name).nested(expressionAttributes.data, write),
  );
}

function addCompare(list: MessageWriter, value: Uint8Array): void {
  addExpression(list, 'cmp', (data) =>
    data
      .be32(compareAttributes.register, register)
      .be32(compareAttributes.operation, equal)
      .nested(compareAttributes.data, (inner) => inner.bytes(dataValue, value)),
  );
}

const traceAttributes = {
  table: 1,
  chain: 2,
  handle: 3,
  type: 4,
  verdict: 5,
  id: 6,
  transportHeader: 9,
  inLink: 10,
  outLink: 12,
  policy: 16,
} as const;
const verdictAttributes = { code: 1, chain: 2 } as const;
const traceKinds = { 1: 'policy', 2: 'return', 3: 'rule' } as const;
const verdicts: Readonly<Record<number, string>> = {
  0: 'drop',
  1: 'accept',
  2: 'stolen',
  3: 'queue',
  [-1]: 'continue',
  [-2]: 'break',
  [-3]: 'jump',
  [-4]: 'goto',
  [-5]: 'return',
};

/** Reads NFT_MSG_TRACE; undefined for other messages. */
export function decodeTrace({ type, body }: Reply): NftTraceEvent | undefined {
  if (type !== (subsystem | types.trace)) return undefined;
  const attributes = new Attributes(body, inet.length);
  const kind = traceKinds[(attributes.be32(traceAttributes.type) ?? 0) as keyof typeof traceKinds];
  if (kind === undefined) return undefined;
  const verdict = attributes.nested(traceAttributes.verdict);
  const code =
    kind === 'policy' ? attributes.be32(traceAttributes.policy) : verdict?.be32(verdictAttributes.code);
  const target = verdict?.string(verdictAttributes.chain);
  const name = verdicts[(code ?? -1) | 0] ?? `verdict ${(code ?? 0) & 0xff}`;
  const handle = attributes.bytes(traceAttributes.handle);
  const transport = attributes.bytes(traceAttributes.transportHeader);
  const inLink = attributes.be32(traceAttributes.inLink);
  const outLink = attributes.be32(traceAttributes.outLink);
  return {
    packet: attributes.be32(traceAttributes.id) ?? 0,
    family: familyNames[body[0] ?? 0] ?? String(body[0]),
    table: attributes.string(traceAttributes.table) ?? '',
    chain: attributes.string(traceAttributes.chain) ?? '',
    kind,
    ...(kind === 'rule' && handle?.length === 8 ? { handle: Number(handle.readBigUInt64BE(0)) } : {}),
    verdict: target === undefined ? name : `${name} ${target}`,
    ...(inLink === undefined ? {} : { inLinkIndex: inLink }),
    ...(outLink === undefined ? {} : { outLinkIndex: outLink }),
    ...(transport === undefined || transport.length < 4
      ? {}
      : { sourcePort: transport.readUInt16BE(0), destinationPort: transport.readUInt16BE(2) }),
  };
}
