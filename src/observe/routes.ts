import type { Link, Rtnetlink } from '../kernel/netlink/index.ts';
import { ipOf, type ConnectedRoute } from '../model/index.ts';

/**
 * Those of the wanted routes that are there, in one look at the main table, and those that are not missing: a link in a
 * VRF has its routes in the table of that, and an address that others gave to their bridge may be told to have none.
 *
 * @param links the links of the routes by name; those that are gone are absent
 */
export async function observeRoutes(
  rtnetlink: Rtnetlink,
  wanted: readonly ConnectedRoute[],
  links: ReadonlyMap<string, Link>,
): Promise<ConnectedRoute[]> {
  if (wanted.length === 0) return [];
  const present = new Set(
    (await rtnetlink.listRoutes({ table: mainTable })).flatMap(({ destination, type, nextHops }) =>
      type !== 'unicast' ? [] : nextHops.map(({ linkIndex }) => `${destination} ${linkIndex}`),
    ),
  );
  const found: ConnectedRoute[] = [];
  for (const route of wanted) {
    const link = links.get(route.link);
    if (link === undefined) continue;
    const isThere = link.masterIndex !== undefined || present.has(`${route.destination} ${link.index}`);
    if (isThere || (await isUnrouted(rtnetlink, route, link))) found.push(route);
  }
  return found;
}

/** Whether the address of a route was made to have none. A link that went away since it was read has no addresses. */
async function isUnrouted(rtnetlink: Rtnetlink, { source }: ConnectedRoute, link: Link): Promise<boolean> {
  const addresses = await rtnetlink.listAddresses();
  return addresses.some(
    ({ linkIndex, address, flags }) =>
      linkIndex === link.index && ipOf(address) === source && (flags & noPrefixRoute) !== 0,
  );
}

/** RT_TABLE_MAIN. Source: `linux/rtnetlink.h`. */
const mainTable = 254;

/** IFA_F_NOPREFIXROUTE. Source: `linux/if_addr.h`. */
const noPrefixRoute = 0x200;
