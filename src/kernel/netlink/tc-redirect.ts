import { Attributes, listAttributes } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import type { LinkReference } from './link-messages.ts';
import { indexOf } from './links.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Reply } from './message.ts';
import { deleteHooks, ensureHooks } from './qdiscs.ts';
import {
  decodeTcHeader,
  encodeTcHeader,
  needing,
  tcAttributes,
  tcHeaderLength,
  tcParents,
  tcTypes,
} from './tc-message.ts';

/** Ours among the filters of a link: others find room before and behind it. */
const priority = 1000;
/** ETH_P_ALL in network order, below the priority. Source: `linux/if_ether.h`, Linux `tc_new_tfilter()`. */
const info = ((priority << 16) | 0x0300) >>> 0;

/** TCA_U32_*, TCA_ACT_*, TCA_MIRRED_*. Source: `linux/pkt_cls.h`, `linux/tc_act/tc_mirred.h`. */
const u32Attributes = { selector: 5, actions: 7 } as const;
const actionAttributes = { kind: 1, options: 2 } as const;
const mirredParameters = 2;

/** TC_ACT_STOLEN and TCA_EGRESS_REDIR. Source: `linux/pkt_cls.h`, `linux/tc_act/tc_mirred.h`. */
const stolen = 4;
const redirectToEgress = 1;
/** Offsets in struct tc_mirred. Source: `linux/tc_act/tc_mirred.h`. */
const offsets = { action: 8, direction: 20, linkIndex: 24 } as const;
const mirredLength = 28;

/**
 * Redirects everything that comes in at a link to the sending side of another, which is an ifb. Replaces such a redirection.
 *
 * @throws not-found for a link, unsupported where the kernel has no clsact, u32 or mirred
 */
export async function setRedirect(
  connection: NetlinkConnection,
  link: LinkReference,
  target: LinkReference,
): Promise<void> {
  const [linkIndex, targetIndex] = [await indexOf(connection, link), await indexOf(connection, target)];
  await ensureHooks(connection, linkIndex);
  await deleteFilter(connection, linkIndex);
  const writer = new MessageWriter(encodeTcHeader({ linkIndex, parent: tcParents.ingress, info }))
    .string(tcAttributes.kind, 'u32')
    .nested(tcAttributes.options, (options) =>
      options
        .bytes(u32Attributes.selector, matchAll())
        .nested(u32Attributes.actions, (actions) =>
          actions.nested(1, (action) =>
            action
              .string(actionAttributes.kind, 'mirred')
              .nested(actionAttributes.options, (mirred) =>
                mirred.bytes(mirredParameters, redirectTo(targetIndex)),
              ),
          ),
        ),
    );
  const flags = messageFlags.create | messageFlags.exclusive;
  const doing = `redirect what comes in at ${link} to ${target}`;
  const message = { type: tcTypes.newFilter, flags, body: writer.body, doing };
  await needing(
    'cls_u32 and act_mirred (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)',
    connection.run(message),
  );
}

/** Ends a redirection, and takes the hooks away with it where nobody else uses them. One that is absent is success. */
export async function deleteRedirect(connection: NetlinkConnection, link: LinkReference): Promise<void> {
  const linkIndex = await indexOf(connection, link);
  await deleteFilter(connection, linkIndex);
  const others = await Promise.all(
    [tcParents.ingress, tcParents.ingress + 1].map(
      async (parent) => await listFilters(connection, linkIndex, parent),
    ),
  );
  if (others.flat().length === 0) await deleteHooks(connection, linkIndex);
}

/**
 * The index of the link that a redirection leads to; 0 when that link is gone, and everything is dropped; undefined when
 * there is no redirection.
 *
 * @param linkIndex the link that it starts from
 */
export async function readRedirect(
  connection: NetlinkConnection,
  linkIndex: number,
): Promise<number | undefined> {
  const replies = await listFilters(connection, linkIndex, tcParents.ingress);
  return replies.flatMap((reply) => targetOf(reply) ?? [])[0];
}

async function listFilters(
  connection: NetlinkConnection,
  linkIndex: number,
  parent: number,
): Promise<readonly Reply[]> {
  const body = encodeTcHeader({ linkIndex, parent });
  return await connection.dump({ type: tcTypes.getFilter, body, doing: `list filters of link ${linkIndex}` });
}

async function deleteFilter(connection: NetlinkConnection, linkIndex: number): Promise<void> {
  const body = encodeTcHeader({ linkIndex, parent: tcParents.ingress, info });
  const doing = `delete the redirection of link ${linkIndex}`;
  const [outcome] = await connection.request([{ type: tcTypes.deleteFilter, body, doing }]);
  const error = outcome?.error;
  // EINVAL: the link has no hooks at all.
  if (error !== undefined && error.kind !== 'not-found' && error.errno !== 'EINVAL') throw error;
}

/** struct tc_u32_sel with one key that is true of every packet; TC_U32_TERMINAL. Source: `linux/pkt_cls.h`. */
function matchAll(): Buffer {
  const selector = Buffer.alloc(32);
  selector.writeUInt8(1, 0);
  selector.writeUInt8(1, 2);
  return selector;
}

function redirectTo(linkIndex: number): Buffer {
  const parameters = Buffer.alloc(mirredLength);
  parameters.writeInt32LE(stolen, offsets.action);
  parameters.writeInt32LE(redirectToEgress, offsets.direction);
  parameters.writeUInt32LE(linkIndex, offsets.linkIndex);
  return parameters;
}

/** Where a filter of ours leads. The kernel forgets that link when it goes. Source: Linux `mirred_device_event()`. */
function targetOf({ type, body }: Reply): number | undefined {
  if (type !== tcTypes.newFilter || body.length < tcHeaderLength || decodeTcHeader(body).info !== info)
    return undefined;
  const attributes = new Attributes(body, tcHeaderLength);
  if (attributes.string(tcAttributes.kind) !== 'u32') return undefined;
  const actions = attributes.nested(tcAttributes.options)?.bytes(u32Attributes.actions);
  if (actions === undefined) return undefined;
  const parameters = listAttributes(actions)
    .map(({ payload }) => new Attributes(payload))
    .find((action) => action.string(actionAttributes.kind) === 'mirred')
    ?.nested(actionAttributes.options)
    ?.bytes(mirredParameters);
  if (parameters === undefined || parameters.length < mirredLength) return undefined;
  return parameters.readUInt32LE(offsets.linkIndex);
}
