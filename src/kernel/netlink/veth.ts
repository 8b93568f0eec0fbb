import type { IfName } from '../../model/names.ts';
import type { Mac } from '../../model/mac.ts';
import { TsnetError, withSuppressed } from '../../model/errors.ts';
import { withNetnsDescriptor } from '../netns/handle.ts';
import { NetlinkConnection, netlinkProtocols } from './connection.ts';
import { createLink } from './create-link.ts';
import type { Link } from './link.ts';
import { linkHeader, writeFields } from './link-messages.ts';
import { deleteLink, masterIndexOf, rememberedIndexOf, setLink } from './links.ts';

/** A pair of interfaces to make. */
export interface NewVeth {
  readonly name: IfName;
  /** At most 255 bytes. */
  readonly alias?: string;
  readonly mtu?: number;
  readonly mac?: Mac;
  /** The bridge that this end joins. */
  readonly master?: IfName;
  readonly up?: boolean;
  /** Called while this end is there and down, for settings below its name that must hold before its first packet. */
  readonly beforeUp?: () => void;
  /** Whether packets may leave by the port they came from; only with a master. */
  readonly hairpin?: boolean;
  /** Whether it is kept from talking to other isolated ports; only with a master. */
  readonly isolated?: boolean;
  /** Default: 0. */
  readonly group?: number;
  /** Whether a crash may leave this end without its alias: its name tells what it is. See `isUnfinished`. */
  readonly isKnownByName?: boolean;
  readonly peer: NewVethPeer;
}

/** The other end. It can't be up from the start: it has no partner yet (ENOTCONN). */
export interface NewVethPeer {
  readonly name: IfName;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly alias?: string;
  /** Path of the namespace to make it in: 20 times faster than to move it there. Absent: where this end is. */
  readonly netns?: string;
}

/** VETH_INFO_PEER. Source: `linux/veth.h`. */
const peerInfo = 1;

/**
 * Makes a veth pair, or nothing: what fails half-way is taken back.
 *
 * @returns the end in this namespace, as it was read back; its `peerIndex` is the index of the other end in its namespace
 * @throws conflict when a name is taken, not-found for a missing master or namespace
 */
export async function createVeth(connection: NetlinkConnection, veth: NewVeth): Promise<Link> {
  const { netns } = veth.peer;
  const create = async (masterIndex: number | undefined): Promise<Link> =>
    netns === undefined
      ? await createPair(connection, veth, masterIndex)
      : await withNetnsDescriptor(netns, (descriptor) =>
          createPair(connection, veth, masterIndex, descriptor),
        );
  const link = await withMasterIndex(connection, veth.master, create);
  const { alias } = veth.peer;
  if (alias !== undefined) await markPeer(connection, link, alias, netns);
  return link;
}

/** Saves a question to the kernel where the master was read before; if it was replaced since, it is asked all the same. */
async function withMasterIndex(
  connection: NetlinkConnection,
  master: IfName | undefined,
  create: (masterIndex: number | undefined) => Promise<Link>,
): Promise<Link> {
  if (master === undefined) return await create(undefined);
  const remembered = rememberedIndexOf(connection, master);
  if (remembered === undefined) return await create(await masterIndexOf(connection, master));
  try {
    return await create(remembered);
  } catch (error) {
    const index = await masterIndexOf(connection, master);
    if (index === remembered) throw error;
    return await create(index);
  }
}

async function createPair(
  connection: NetlinkConnection,
  veth: NewVeth,
  masterIndex: number | undefined,
  netns?: number,
): Promise<Link> {
  const { master: _, hairpin, isolated, peer, ...fields } = veth;
  const { name, mac, mtu } = peer;
  const port = {
    ...(hairpin === undefined ? {} : { hairpin }),
    ...(isolated === undefined ? {} : { isolated }),
  };
  return await createLink(connection, {
    ...fields,
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...(Object.keys(port).length === 0 ? {} : { port }),
    kind: 'veth',
    writeData: (data) => {
      const peerFields = {
        name,
        ...(mac === undefined ? {} : { mac }),
        ...(mtu === undefined ? {} : { mtu }),
        ...(netns === undefined ? {} : { netns }),
      };
      data.nested(peerInfo, (inner) => writeFields(inner, peerFields), linkHeader());
    },
  });
}

/** A namespace's links are changed from inside, and the kernel takes no alias when it makes a link. */
async function markPeer(
  connection: NetlinkConnection,
  link: Link,
  alias: string,
  netns: string | undefined,
): Promise<void> {
  const index = link.peerIndex ?? 0;
  try {
    if (netns === undefined) return await setLink(connection, index, { alias });
    using inside = NetlinkConnection.open(netlinkProtocols.route, netns);
    await setLink(inside, index, { alias });
  } catch (error) {
    if (!(error instanceof TsnetError)) throw error;
    const suppressed = await deleteLink(connection, link.name).then(
      () => [],
      (second: unknown) => [second],
    );
    throw withSuppressed(error, suppressed);
  }
}
