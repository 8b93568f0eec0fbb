import type { IpFamily } from '../../model/ip.ts';
import { familyOfRange, ipOf, prefixOf, type Address, type Subnet } from '../../model/subnet.ts';
import { Attributes, malformed } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Message } from './message.ts';
import { addressFamilies } from './scope.ts';

/** A rule of policy routing: which packets are routed by which table. Source: ip-rule(8). */
export interface PolicyRule {
  readonly family: IpFamily;
  /** Lower numbers are asked first. */
  readonly priority: number;
  readonly from?: Subnet;
  readonly to?: Subnet;
  readonly mark?: number;
  readonly markMask?: number;
  readonly inputLink?: string;
  readonly outputLink?: string;
  /** Whether it holds for packets that do not match. */
  readonly isInverted?: boolean;
  readonly action: RuleAction;
  /** Present for the action `table`. */
  readonly table?: number;
  /** Routes with a prefix of at most this length do not count. */
  readonly suppressPrefixLength?: number;
}

/** What a rule does. Source: `linux/fib_rules.h`, FR_ACT_*. */
export type RuleAction = (typeof actions)[number];

const actions = [
  'unspecified',
  'table',
  'goto',
  'nop',
  'reserved-4',
  'reserved-5',
  'blackhole',
  'unreachable',
  'prohibit',
] as const;

/** RTM_*. Source: rtnetlink(7). */
const ruleTypes = { new: 32, delete: 33, get: 34 } as const;

/** FRA_*. Source: `linux/fib_rules.h`. */
const attribute = {
  to: 1,
  from: 2,
  inputLink: 3,
  priority: 6,
  mark: 10,
  suppressPrefixLength: 14,
  table: 15,
  markMask: 16,
  outputLink: 17,
} as const;

/** FIB_RULE_INVERT. Source: `linux/fib_rules.h`. */
const invertFlag = 0x2;
/** What the kernel says where nothing is suppressed. */
const noPrefixLength = 0xffff_ffff;
/** Bytes of struct fib_rule_hdr. Source: `linux/fib_rules.h`. */
const headerLength = 12;

/** All rules of one family or of both, in the order the kernel asks them within a family. */
export async function listRules(connection: NetlinkConnection, family?: IpFamily): Promise<PolicyRule[]> {
  const found: PolicyRule[] = [];
  for (const one of family === undefined ? ([4, 6] as const) : [family]) {
    const replies = await connection.dump(listRulesMessage(one));
    const rules = replies.flatMap((reply) => decodeRule(reply.body) ?? []);
    found.push(...rules.filter((rule) => rule.family === one));
  }
  return found;
}

/** A message that asks for all rules of a family, for a dump. */
export function listRulesMessage(family: IpFamily): Message {
  const body = Buffer.alloc(headerLength);
  body.writeUInt8(addressFamilies[family], 0);
  return { type: ruleTypes.get, body, doing: 'list policy rules' };
}

/** Makes a rule. @throws conflict when there is the same one */
export async function addRule(connection: NetlinkConnection, rule: PolicyRule): Promise<void> {
  await connection.run(ruleMessage(ruleTypes.new, rule));
}

/** Deletes a rule. Gives false when there was none. */
export async function deleteRule(connection: NetlinkConnection, rule: PolicyRule): Promise<boolean> {
  const [outcome] = await connection.request([ruleMessage(ruleTypes.delete, rule)]);
  if (outcome?.error === undefined) return true;
  if (outcome.error.kind === 'not-found') return false;
  throw outcome.error;
}

function ruleMessage(type: number, rule: PolicyRule): Message {
  const { from, to } = rule;
  for (const range of [from, to]) {
    if (range !== undefined && familyOfRange(range) !== rule.family) {
      throw new RangeError(`a rule of IPv${rule.family} can't match ${range}`);
    }
  }
  const header = Buffer.alloc(headerLength);
  header.set([
    addressFamilies[rule.family],
    to === undefined ? 0 : prefixOf(to),
    from === undefined ? 0 : prefixOf(from),
  ]);
  header.writeUInt8(actions.indexOf(rule.action), 7);
  header.writeUInt32LE(rule.isInverted === true ? invertFlag : 0, 8);
  const writer = new MessageWriter(header)
    .ip(attribute.to, to === undefined ? undefined : ipOf(to as string as Address))
    .ip(attribute.from, from === undefined ? undefined : ipOf(from as string as Address))
    .string(attribute.inputLink, rule.inputLink)
    .string(attribute.outputLink, rule.outputLink)
    .u32(attribute.priority, rule.priority)
    .u32(attribute.mark, rule.mark)
    .u32(attribute.markMask, rule.markMask)
    .u32(attribute.table, rule.table)
    .u32(attribute.suppressPrefixLength, rule.suppressPrefixLength);
  const doing = `${type === ruleTypes.new ? 'add' : 'delete'} policy rule ${rule.priority} of IPv${rule.family}`;
  const flags = type === ruleTypes.new ? messageFlags.create | messageFlags.exclusive : 0;
  return { type, flags, body: writer.body, doing };
}

/** Reads the body of RTM_NEWRULE; undefined for other families. @throws kernel when malformed */
export function decodeRule(body: Buffer): PolicyRule | undefined {
  if (body.length < headerLength) throw malformed('a policy rule is too short');
  const family = body[0] === addressFamilies[4] ? 4 : 6;
  if (body[0] !== addressFamilies[family]) return undefined;
  const attributes = new Attributes(body, headerLength);
  const suppressed = attributes.u32(attribute.suppressPrefixLength);
  const action = actions[body.readUInt8(7)] ?? 'unspecified';
  const fields = {
    from: range(attributes, attribute.from, family, body.readUInt8(2)),
    to: range(attributes, attribute.to, family, body.readUInt8(1)),
    mark: attributes.u32(attribute.mark),
    markMask: attributes.u32(attribute.markMask),
    inputLink: attributes.string(attribute.inputLink),
    outputLink: attributes.string(attribute.outputLink),
    table: action === 'table' ? (attributes.u32(attribute.table) ?? body.readUInt8(4)) : undefined,
    suppressPrefixLength: suppressed === noPrefixLength ? undefined : suppressed,
    isInverted: (body.readUInt32LE(8) & invertFlag) !== 0 ? true : undefined,
  };
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    family,
    // The first rule has priority 0, which the kernel does not send.
    priority: attributes.u32(attribute.priority) ?? 0,
    action,
    ...(Object.fromEntries(present) as Partial<PolicyRule>),
  };
}

function range(
  attributes: Attributes,
  type: number,
  family: IpFamily,
  prefixLength: number,
): Subnet | undefined {
  if (prefixLength === 0 && !attributes.has(type)) return undefined;
  return `${attributes.ip(type) ?? (family === 4 ? '0.0.0.0' : '::')}/${prefixLength}` as Subnet;
}
