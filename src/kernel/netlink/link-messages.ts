import type { Mac } from '../../model/mac.ts';
import {
  bridgeAttributes,
  linkAttributes,
  linkFlags,
  linkHeaderLength,
  linkInfo,
  portAttributes,
} from './link.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Message } from './message.ts';

/** RTM_*. Source: rtnetlink(7), `linux/rtnetlink.h`. */
export const linkTypes = { new: 16, delete: 17, get: 18 } as const;

/** Leaves counters out, which nobody here reads: a quarter of the bytes. Source: `linux/rtnetlink.h`. */
const skipStatistics = 8;

/** A link by name or by its index. */
export type LinkReference = string | number;

/** What can be said about any link, with everything that others are named by as a number. */
export interface LinkFields {
  readonly name?: string;
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: Mac;
  readonly alias?: string;
  /** 0: none. */
  readonly masterIndex?: number;
  readonly group?: number;
  /** An open descriptor of the namespace to be in. */
  readonly netns?: number;
  readonly port?: BridgePortChange;
  readonly bridge?: BridgeChange;
}

/** How a bridge shall work; what is absent stays as it is. */
export interface BridgeChange {
  /** Whether frames between its ports pass iptables and nftables, whatever the host's setting is. */
  readonly filtersFrames?: boolean;
}

/** How a port of a bridge shall work; what is absent stays as it is. */
export interface BridgePortChange {
  /** Whether packets may leave by the port they came from. */
  readonly hairpin?: boolean;
  /** Whether it is kept from talking to other isolated ports. */
  readonly isolated?: boolean;
  readonly learning?: boolean;
  readonly flooding?: boolean;
  readonly neighbourSuppression?: boolean;
}

/** struct ifinfomsg. Source: rtnetlink(7). */
export function linkHeader(index = 0, up?: boolean): Buffer {
  const header = Buffer.alloc(linkHeaderLength);
  header.writeInt32LE(index, 4);
  if (up !== undefined) {
    header.writeUInt32LE(up ? linkFlags.up : 0, 8);
    header.writeUInt32LE(linkFlags.up, 12);
  }
  return header;
}

/** A message that asks for one link. */
export function getLinkMessage(link: LinkReference): Message {
  return { type: linkTypes.get, body: lookup(link).body, doing: `read link ${link}` };
}

/** A message that asks for all links, for a dump. */
export function listLinksMessage(): Message {
  const writer = new MessageWriter(linkHeader()).u32(linkAttributes.extendedMask, skipStatistics);
  return { type: linkTypes.get, body: writer.body, doing: 'list links' };
}

/**
 * A message that makes a link and fails when the name is taken. The kernel ignores an alias here.
 *
 * @param writeData writes the attributes of the kind
 */
export function createLinkMessage(
  kind: string,
  fields: LinkFields & { readonly name: string },
  writeData?: (data: MessageWriter) => void,
): Message {
  const writer = writeFields(new MessageWriter(linkHeader(0, fields.up)), fields);
  if (fields.bridge === undefined) {
    writer.nested(linkAttributes.linkInfo, (info) => {
      info.string(linkInfo.kind, kind);
      if (writeData !== undefined) info.nested(linkInfo.data, writeData);
    });
  }
  const flags = messageFlags.create | messageFlags.exclusive;
  return { type: linkTypes.new, flags, body: writer.body, doing: `create link ${fields.name}` };
}

/** A message that changes one link. */
export function changeLinkMessage(link: LinkReference, fields: LinkFields): Message {
  const { name, ...others } = fields;
  const isNamed = typeof link === 'string';
  const writer = new MessageWriter(linkHeader(isNamed ? 0 : link, fields.up));
  // A name is the selector where no index is given, and the new name where one is.
  writeFields(writer.string(linkAttributes.name, isNamed ? link : name), others);
  return { type: linkTypes.new, body: writer.body, doing: `change link ${link}` };
}

/** A message that changes all links of a group, perhaps none. */
export function changeGroupMessage(group: number, fields: LinkFields, doing: string): Message {
  const writer = new MessageWriter(linkHeader(0, fields.up)).u32(linkAttributes.group, group);
  return { type: linkTypes.new, body: writeFields(writer, fields).body, doing };
}

/** A message that deletes one link. */
export function deleteLinkMessage(index: number, name: string): Message {
  return { type: linkTypes.delete, body: linkHeader(index), doing: `delete link ${name}` };
}

/** A message that deletes all links of a group at once: the kernel's grace periods are waited for once. */
export function deleteGroupMessage(group: number, doing: string): Message {
  const writer = new MessageWriter(linkHeader()).u32(linkAttributes.group, group);
  return { type: linkTypes.delete, body: writer.body, doing };
}

/** Writes attributes that any link has. */
export function writeFields(writer: MessageWriter, fields: LinkFields): MessageWriter {
  writer
    .string(linkAttributes.name, fields.name)
    .u32(linkAttributes.mtu, fields.mtu)
    .mac(linkAttributes.address, fields.mac)
    .string(linkAttributes.alias, fields.alias)
    .u32(linkAttributes.master, fields.masterIndex)
    .u32(linkAttributes.group, fields.group)
    .u32(linkAttributes.netnsDescriptor, fields.netns);
  const { port, bridge } = fields;
  if (bridge !== undefined)
    return writer.nested(linkAttributes.linkInfo, (info) => writeBridge(info, bridge));
  if (port === undefined) return writer;
  return writer.nested(linkAttributes.linkInfo, (info) =>
    info
      .string(linkInfo.slaveKind, 'bridge')
      .nested(linkInfo.slaveData, (data) =>
        data
          .u8(portAttributes.mode, port.hairpin)
          .u8(portAttributes.learning, port.learning)
          .u8(portAttributes.unicastFlood, port.flooding)
          .u8(portAttributes.neighbourSuppression, port.neighbourSuppression)
          .u8(portAttributes.isolated, port.isolated),
      ),
  );
}

/** Source: ip-link(8), type bridge, `nf_call_iptables`. */
function writeBridge(info: MessageWriter, { filtersFrames }: BridgeChange): void {
  info
    .string(linkInfo.kind, 'bridge')
    .nested(linkInfo.data, (data) =>
      data.u8(bridgeAttributes.callIptables, filtersFrames).u8(bridgeAttributes.callIp6tables, filtersFrames),
    );
}

function lookup(link: LinkReference): MessageWriter {
  const writer = new MessageWriter(linkHeader(typeof link === 'number' ? link : 0));
  return writer
    .u32(linkAttributes.extendedMask, skipStatistics)
    .string(linkAttributes.name, typeof link === 'string' ? link : undefined);
}
