import { TsnetError, withSuppressed } from '../../model/errors.ts';
import type { NetlinkConnection, Outcome } from './connection.ts';
import type { Link } from './link.ts';
import {
  changeGroupMessage,
  changeLinkMessage,
  createLinkMessage,
  deleteGroupMessage,
  getLinkMessage,
  type LinkFields,
} from './link-messages.ts';
import { firstGroup, linkOf, randomGroup } from './links.ts';
import type { MessageWriter } from './message-writer.ts';

/** A link to make: its kind, what any link has, and how it shall work as a port of its master. */
export interface NewLink extends Omit<LinkFields, 'netns'> {
  readonly kind: string;
  readonly name: string;
  readonly writeData?: (data: MessageWriter) => void;
  /** Whether a crash may leave it without its alias: its name tells what it is. */
  readonly isKnownByName?: boolean;
  /** Called while it is there and down, for settings below its name that must hold before its first packet. */
  readonly beforeUp?: () => void;
}

/**
 * Makes a link with its alias, or none.
 *
 * The kernel ignores an alias in the creating message (verified on Linux 6.18), and a second message by name in the
 * same datagram would mark a stranger's link when the creation failed, because messages of a datagram run on after
 * an error. So the link is made in a random group, and the alias goes to that group: in the same datagram, so that
 * no crash leaves an unmarked link, and to nobody else. The undo deletes that group, which is exact even when the
 * kernel's answer was lost.
 *
 * The kernel finds the links of a group by looking at all there are, 1 ms for 4,000. Where an unmarked link can be told
 * by its name the alias comes with what finishes the link, and a crash in between leaves one that `isUnfinished`.
 *
 * @throws conflict when the name is taken, not-found when the master is gone, and what the kernel refuses
 */
export async function createLink(connection: NetlinkConnection, link: NewLink): Promise<Link> {
  const {
    kind,
    name,
    alias,
    group: lasting = 0,
    port,
    up,
    writeData,
    beforeUp,
    isKnownByName = false,
    ...fields
  } = link;
  const group = randomGroup();
  const doing = `create link ${name}`;
  const isUpLater = up === true && beforeUp !== undefined;
  const rise = up === undefined ? {} : { up };
  const create = createLinkMessage(kind, { ...fields, name, group, ...(isUpLater ? {} : rise) }, writeData);
  const later = {
    group: lasting,
    ...(isKnownByName && alias !== undefined ? { alias } : {}),
    ...(isUpLater ? rise : {}),
    ...(port === undefined ? {} : { port }),
  };
  const mark =
    alias === undefined || isKnownByName
      ? []
      : [changeGroupMessage(group, { alias }, `${doing} with its alias`)];
  let refused: TsnetError | undefined;
  try {
    const outcomes = await connection.request([create, ...mark, getLinkMessage(name)]);
    refused = outcomes[0]?.error;
    if (refused !== undefined) throw refused;
    const { index } = lastLink(outcomes, doing);
    beforeUp?.();
    return finish(connection, index, doing, later);
  } catch (error) {
    if (error === refused || !(error instanceof TsnetError)) throw error;
    throw withSuppressed(error, await undo(connection, group, doing));
  }
}

/** One message: the port's settings are taken first, so when they are refused the undo still finds the group. */
function finish(
  connection: NetlinkConnection,
  index: number,
  doing: string,
  fields: Pick<LinkFields, 'alias' | 'group' | 'port' | 'up'>,
): Link {
  const settle = changeLinkMessage(index, fields);
  return lastLink(connection.requestNow([{ ...settle, doing }, getLinkMessage(index)]), doing);
}

/** Whether a link was made by `createLink` and has no alias yet, or never had one: its maker was killed, or is about to go on. */
export function isUnfinished({ alias, group }: Link): boolean {
  return alias === undefined && group >= firstGroup;
}

async function undo(
  connection: NetlinkConnection,
  group: number,
  doing: string,
): Promise<readonly unknown[]> {
  try {
    const [outcome] = await connection.request([deleteGroupMessage(group, `undo: ${doing}`)]);
    return outcome?.error === undefined || outcome.error.kind === 'not-found' ? [] : [outcome.error];
  } catch (error) {
    return [error];
  }
}

/** The link that the last message asked for, once all succeeded. */
function lastLink(outcomes: readonly Outcome[], doing: string): Link {
  const failed = outcomes.find(({ error }) => error !== undefined)?.error;
  if (failed !== undefined) throw failed;
  const [link] = outcomes.at(-1)?.replies.flatMap(linkOf) ?? [];
  if (link === undefined) throw new TsnetError('kernel', `${doing}: it can't be read back`);
  return link;
}
