import type { Ip, IpFamily } from '../../model/ip.ts';
import { familyOfRange, ipOf, prefixOf, type Address } from '../../model/subnet.ts';
import { Attributes, malformed } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { indexOf, readLinks } from './links.ts';
import type { LinkReference } from './link-messages.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Message, type Reply } from './message.ts';
import { addressFamilies, decodeScope, encodeScope, type Scope } from './scope.ts';

/** An address on an interface as the kernel describes it. */
export interface LinkAddress {
  readonly linkIndex: number;
  readonly address: Address;
  /** The far address of a point-to-point link. */
  readonly peer: Ip | undefined;
  readonly scope: Scope;
  /** IFA_F_*. Source: `linux/if_addr.h`. */
  readonly flags: number;
  /** Whether IPv6 still asks whether somebody else has it. */
  readonly isTentative: boolean;
  /** Whether somebody else was found to have it. */
  readonly isDuplicate: boolean;
}

/** An address to give to an interface. */
export interface NewAddress {
  readonly link: LinkReference;
  readonly address: Address;
  /** Default `global`. */
  readonly scope?: Scope;
  /** Uses an IPv6 address at once, without asking for a second or so whether somebody has it. */
  readonly noDad?: boolean;
}

/** Which addresses to list; what is absent does not restrict. */
export interface AddressFilter {
  readonly link?: LinkReference;
  readonly family?: IpFamily;
}

/** RTM_*. Source: rtnetlink(7). */
export const addressTypes = { new: 20, delete: 21, get: 22 } as const;

/** IFA_*. Source: `linux/if_addr.h`. */
const attribute = { address: 1, local: 2, flags: 8 } as const;
const addressFlags = { noDad: 0x02, duplicate: 0x08, tentative: 0x40 } as const;

/** Bytes of struct ifaddrmsg. Source: rtnetlink(7). */
const headerLength = 8;

/** Addresses of all links or of one. @throws not-found for an unknown link */
export async function listAddresses(
  connection: NetlinkConnection,
  { link, family }: AddressFilter = {},
): Promise<LinkAddress[]> {
  const index = link === undefined ? 0 : await indexOf(connection, link);
  const message = listAddressesMessage(family === undefined ? 0 : addressFamilies[family], index);
  const doing = `list addresses${link === undefined ? '' : ` of ${link}`}`;
  const replies = await connection.dump({ ...message, doing });
  // Without IPv6 the kernel answers its question with everything it has, and without a family there may be others.
  const found = addressesOf(replies, family === undefined ? [4, 6] : [family]);
  return index === 0 ? found : found.filter(({ linkIndex }) => linkIndex === index);
}

/** The addresses of some families in the answer to `listAddressesMessage`. @throws kernel when it is malformed */
export function addressesOf(
  replies: readonly Reply[],
  families: readonly IpFamily[] = [4, 6],
): LinkAddress[] {
  if (replies.length === 0) return [];
  return families.flatMap((family) =>
    replies
      .filter((reply) => reply.body[0] === addressFamilies[family])
      .flatMap((reply) => decodeAddress(reply.body) ?? []),
  );
}

/** A message that asks for addresses, for a dump; 0 stands for all families and for all links. */
export function listAddressesMessage(family = 0, index = 0): Message {
  const { body } = new MessageWriter(header(family, 0, 0, index));
  return { type: addressTypes.get, body, doing: 'list addresses' };
}

/** Gives an address to a link. @throws conflict when it has it already, not-found for an unknown link */
export async function addAddress(connection: NetlinkConnection, address: NewAddress): Promise<void> {
  const index = await indexOf(connection, address.link);
  await connection.run(addAddressMessage(address, index));
}

/** Takes an address from a link. Gives false when address or link was not there. */
export async function deleteAddress(
  connection: NetlinkConnection,
  { link, address }: Pick<NewAddress, 'link' | 'address'>,
): Promise<boolean> {
  const index = await indexOrUndefined(connection, link);
  if (index === undefined) return false;
  const body = writeAddress(address, index, 0).body;
  const doing = `delete address ${address} of ${link}`;
  const [outcome] = await connection.request([{ type: addressTypes.delete, body, doing }]);
  if (outcome?.error === undefined) return true;
  if (outcome.error.kind === 'not-found') return false;
  throw outcome.error;
}

/** The message that gives an address to the link with that index. */
export function addAddressMessage({ link, address, scope, noDad }: NewAddress, index: number): Message {
  const writer = writeAddress(address, index, encodeScope(scope ?? 'global'));
  if (noDad === true && familyOfRange(address) === 6) writer.u32(attribute.flags, addressFlags.noDad);
  return {
    type: addressTypes.new,
    flags: messageFlags.create | messageFlags.exclusive,
    body: writer.body,
    doing: `add address ${address} to ${link}`,
  };
}

/** Reads the body of RTM_NEWADDR or RTM_DELADDR; undefined for other families. @throws kernel when malformed */
export function decodeAddress(body: Buffer): LinkAddress | undefined {
  if (body.length < headerLength) throw malformed('an address is too short');
  const attributes = new Attributes(body, headerLength);
  const far = attributes.ip(attribute.address);
  // Only point-to-point links and IPv4 tell both; where one is told it is the own.
  const own = attributes.ip(attribute.local) ?? far;
  if (own === undefined) return undefined;
  const flags = attributes.u32(attribute.flags) ?? body.readUInt8(2);
  return {
    linkIndex: body.readUInt32LE(4),
    address: `${own}/${body.readUInt8(1)}` as Address,
    peer: far === own ? undefined : far,
    scope: decodeScope(body.readUInt8(3)),
    flags,
    isTentative: (flags & addressFlags.tentative) !== 0,
    isDuplicate: (flags & addressFlags.duplicate) !== 0,
  };
}

function writeAddress(address: Address, index: number, scope: number): MessageWriter {
  const ip = ipOf(address);
  const family = addressFamilies[familyOfRange(address)];
  return new MessageWriter(header(family, prefixOf(address), scope, index))
    .ip(attribute.local, ip)
    .ip(attribute.address, ip);
}

function header(family: number, prefixLength: number, scope: number, index: number): Buffer {
  const bytes = Buffer.of(family, prefixLength, 0, scope, 0, 0, 0, 0);
  bytes.writeUInt32LE(index, 4);
  return bytes;
}

async function indexOrUndefined(
  connection: NetlinkConnection,
  link: LinkReference,
): Promise<number | undefined> {
  return (await readLinks(connection, [link])).get(link)?.index;
}
