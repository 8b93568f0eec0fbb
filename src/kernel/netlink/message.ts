import { Attributes, malformed } from './attributes.ts';
import { align } from './message-writer.ts';

/** A request: what to send and how to name it in an error. */
export interface Message {
  /** NLMSG_* or a type of the family, such as RTM_NEWLINK (16). */
  readonly type: number;
  /** NLM_F_* beside REQUEST and ACK, which the connection sets. */
  readonly flags?: number;
  readonly body: Uint8Array;
  /** What it does to which subject, such as `create link tsb-1`. */
  readonly doing: string;
}

/** A message as the kernel sent it. */
export interface Reply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header; its bytes are shared with the received buffer. */
  readonly body: Buffer;
}

/** NLM_F_*. Source: `linux/netlink.h`. */
export const messageFlags = {
  request: 0x1,
  ack: 0x4,
  dumpInterrupted: 0x10,
  /** NLM_F_ROOT | NLM_F_MATCH. */
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

/** NLMSG_*. Source: `linux/netlink.h`. */
export const controlTypes = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** Flags of an NLMSG_ERROR message. Source: `linux/netlink.h`, NLM_F_CAPPED and NLM_F_ACK_TLVS. */
const capped = 0x100;
const hasAttributes = 0x200;
/** The kernel's words in an extended acknowledgement. Source: `linux/netlink.h`, NLMSGERR_ATTR_MSG. */
const messageAttribute = 1;

const headerLength = 16;

/** Several requests as the bytes of one datagram; the first has sequence number `firstSequence`, all ask for `flags`. */
export function encodeMessages(
  messages: readonly Message[],
  firstSequence: number,
  flagsOf: (index: number) => number,
): Buffer {
  const total = messages.reduce((sum, { body }) => sum + align(headerLength + body.length), 0);
  const bytes = Buffer.alloc(total);
  let at = 0;
  for (const [index, { type, flags = 0, body }] of messages.entries()) {
    bytes.writeUInt32LE(headerLength + body.length, at);
    bytes.writeUInt16LE(type, at + 4);
    bytes.writeUInt16LE(flags | flagsOf(index), at + 6);
    bytes.writeUInt32LE((firstSequence + index) >>> 0, at + 8);
    bytes.set(body, at + headerLength);
    at += align(headerLength + body.length);
  }
  return bytes;
}

/** The messages in received bytes, in order. @throws kernel when a length leads outside */
export function splitMessages(bytes: Buffer): Reply[] {
  const found: Reply[] = [];
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    const length = left < headerLength ? 0 : bytes.readUInt32LE(at);
    if (length < headerLength || length > left) {
      throw malformed(`a message says ${length} bytes where ${left} are left`);
    }
    found.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + headerLength, at + length),
    });
    at += align(length);
  }
  return found;
}

/** What an acknowledgement says. */
export interface Acknowledgement {
  /** 0 for success, otherwise a positive errno. */
  readonly errno: number;
  /** The kernel's own words, where it gave any. */
  readonly reason?: string;
}

/**
 * Reads NLMSG_ERROR, or NLMSG_DONE at the end of a dump, which may carry an error as well.
 *
 * @throws kernel when it is too short
 */
export function decodeAcknowledgement({ type, flags, body }: Reply): Acknowledgement {
  // NLMSG_DONE of some families has no payload at all.
  if (type === controlTypes.done && body.length < 4) return { errno: 0 };
  if (body.length < 4) throw malformed('an acknowledgement is too short');
  const errno = Math.abs(body.readInt32LE(0));
  const start = attributesStart(type, flags, body);
  const reason =
    (flags & hasAttributes) === 0 ? undefined : new Attributes(body, start).string(messageAttribute);
  return reason === undefined || reason === '' ? { errno } : { errno, reason };
}

/** How a dump ended: with the objects, with an error, or in a way that leaves the list unsure. */
export type DumpResult = readonly Reply[] | Acknowledgement | 'again';

/**
 * Reads the answer to a dump. One that changed while it was read is marked by the kernel (NLM_F_DUMP_INTR) on any of
 * its messages, and may lack objects or hold some twice.
 *
 * @throws kernel when an acknowledgement is too short
 */
export function decodeDump(replies: readonly Reply[], sequence: number): DumpResult {
  const objects: Reply[] = [];
  for (const reply of replies.filter((one) => one.sequence === sequence)) {
    if ((reply.flags & messageFlags.dumpInterrupted) !== 0) return 'again';
    switch (reply.type) {
      case controlTypes.noop:
        break;
      case controlTypes.overrun:
        return 'again';
      case controlTypes.error:
      case controlTypes.done: {
        const end = decodeAcknowledgement(reply);
        if (end.errno !== 0) return end;
        break;
      }
      default:
        objects.push(reply);
    }
  }
  return objects;
}

/** Behind the errno NLMSG_ERROR repeats the header of the request and, unless capped, all of it. */
function attributesStart(type: number, flags: number, body: Buffer): number {
  if (type === controlTypes.done) return 4;
  if ((flags & capped) !== 0 || body.length < 8) return 4 + headerLength;
  return 4 + align(Math.min(body.readUInt32LE(4), body.length));
}
