import type { IfName } from '../../model/names.ts';
import type { NetlinkConnection } from './connection.ts';
import { createLink } from './create-link.ts';
import type { Link } from './link.ts';

/** An intermediate functional block to make: what is redirected to it passes its qdisc and goes on where it came from. */
export interface NewIfb {
  readonly name: IfName;
  /** At most 255 bytes. */
  readonly alias?: string;
  readonly up?: boolean;
  /** Called while it is there and down, for settings below its name that must hold before its first packet. */
  readonly beforeUp?: () => void;
}

/** Makes an ifb. @throws conflict when the name is taken, unsupported where the kernel has none */
export async function createIfb(connection: NetlinkConnection, ifb: NewIfb): Promise<Link> {
  return await createLink(connection, { ...ifb, kind: 'ifb' });
}
