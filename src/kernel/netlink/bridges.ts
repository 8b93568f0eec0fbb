import type { IfName } from '../../model/names.ts';
import type { Mac } from '../../model/mac.ts';
import type { NetlinkConnection } from './connection.ts';
import { createLink } from './create-link.ts';
import type { Link } from './link.ts';
import type { BridgeChange } from './link-messages.ts';

/** A Linux bridge to make; spanning tree is off. */
export interface NewBridge {
  readonly name: IfName;
  /** Fixed, because a bridge without one takes the lowest of its ports and changes with them. */
  readonly mac?: Mac;
  readonly mtu?: number;
  /** At most 255 bytes. */
  readonly alias?: string;
  readonly up?: boolean;
  readonly bridge?: BridgeChange;
}

/** Makes a bridge. @throws conflict when the name is taken */
export async function createBridge(connection: NetlinkConnection, bridge: NewBridge): Promise<Link> {
  return await createLink(connection, { ...bridge, kind: 'bridge' });
}
