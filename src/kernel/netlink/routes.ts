import { familyOf, type Ip, type IpFamily } from '../../model/ip.ts';
import { protocolNumbers, type Port, type Protocol } from '../../model/port.ts';
import { familyOfRange, ipOf, prefixOf, type Address, type Subnet } from '../../model/subnet.ts';
import type { NetlinkConnection } from './connection.ts';
import { indexOf } from './links.ts';
import type { LinkReference } from './link-messages.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Message } from './message.ts';
import {
  decodeRoute,
  mtuMetric,
  routeAttributes,
  routeHeaderLength,
  routeTypeNames,
  type Route,
  type RouteType,
} from './route.ts';
import { addressFamilies, encodeScope, type Scope } from './scope.ts';

/** Which routes to list; what is absent does not restrict. */
export interface RouteFilter {
  readonly family?: IpFamily;
  readonly table?: number;
}

/** A route to make or delete. */
export interface NewRoute {
  /** Absent: the default route. */
  readonly destination?: Subnet;
  /** Needed where nothing else tells it: neither destination nor gateway. */
  readonly family?: IpFamily;
  readonly gateway?: Ip;
  readonly link?: LinkReference;
  /** Default 254, the main table. */
  readonly table?: number;
  /** Default `unicast`. */
  readonly type?: RouteType;
  /** Default `link` without a gateway, else `global`. */
  readonly scope?: Scope;
  readonly metric?: number;
  readonly mtu?: number;
  readonly source?: Ip;
  /** Who makes it; default 4, an administrator. */
  readonly protocol?: number;
  /** Whether the gateway counts as reachable on the link though no route says so. */
  readonly onLink?: boolean;
  /** Whether it is made beside others to the same destination, which stay preferred, instead of being refused. */
  readonly isFurther?: boolean;
}

/** A packet whose way is asked for. */
export interface RouteQuery {
  readonly to: Ip;
  readonly from?: Ip;
  /** The link it comes in by; absent means it is sent from here. */
  readonly inputLink?: LinkReference;
  readonly outputLink?: LinkReference;
  readonly mark?: number;
  readonly protocol?: Protocol;
  readonly sourcePort?: Port;
  readonly destinationPort?: Port;
}

/** RTM_*. Source: rtnetlink(7). */
export const routeTypes = { new: 24, delete: 25, get: 26 } as const;

/** RT_TABLE_MAIN. Source: `linux/rtnetlink.h`. */
const mainTable = 254;
/** RTNH_F_ONLINK, and RTM_F_LOOKUP_TABLE, which IPv6 does by itself and refuses. Source: `linux/rtnetlink.h`. */
const onLinkFlag = 0x4;
const lookupTableFlag = 0x1000;

/** Routes of all tables or of one; a table that does not exist is empty. */
export async function listRoutes(
  connection: NetlinkConnection,
  { family, table }: RouteFilter = {},
): Promise<Route[]> {
  const found: Route[] = [];
  for (const one of family === undefined ? ([4, 6] as const) : [family]) {
    const replies = await connection.dump(listRoutesMessage(one, table)).catch((error: unknown) => {
      if (table !== undefined && error instanceof Error && 'errno' in error && error.errno === 'ENOENT')
        return [];
      throw error;
    });
    const routes = replies.flatMap(({ body }) => decodeRoute(body) ?? []);
    found.push(
      ...routes.filter((route) => route.family === one && (table === undefined || route.table === table)),
    );
  }
  return found;
}

/** A message that asks for all routes of a family, for a dump. */
export function listRoutesMessage(family: IpFamily, table?: number): Message {
  const writer = new MessageWriter(header({ family })).u32(routeAttributes.table, table);
  return { type: routeTypes.get, body: writer.body, doing: 'list routes' };
}

/** The way a packet would go; undefined when no route leads there. @throws denied where a rule prohibits it */
export async function getRoute(connection: NetlinkConnection, query: RouteQuery): Promise<Route | undefined> {
  const family = familyOf(query.to);
  const hostPrefix = family === 4 ? 32 : 128;
  const sourcePrefix = query.from === undefined ? 0 : hostPrefix;
  const inputLink = await indexIfGiven(connection, query.inputLink);
  const outputLink = await indexIfGiven(connection, query.outputLink);
  const writer = new MessageWriter(
    header({ family, prefix: hostPrefix, sourcePrefix, flags: family === 4 ? lookupTableFlag : 0 }),
  )
    .ip(routeAttributes.destination, query.to)
    .ip(routeAttributes.source, query.from)
    .u32(routeAttributes.inputLink, inputLink)
    .u32(routeAttributes.outputLink, outputLink)
    .u32(routeAttributes.mark, query.mark)
    .u8(
      routeAttributes.ipProtocol,
      query.protocol === undefined ? undefined : protocolNumbers[query.protocol],
    )
    .be16(routeAttributes.sourcePort, query.sourcePort)
    .be16(routeAttributes.destinationPort, query.destinationPort);
  const doing = `find the route to ${query.to}`;
  const [outcome] = await connection.request([{ type: routeTypes.get, body: writer.body, doing }]);
  if (outcome?.error?.errno === 'ENETUNREACH') return undefined;
  if (outcome?.error !== undefined) throw outcome.error;
  return outcome?.replies.flatMap(({ body }) => decodeRoute(body) ?? [])[0];
}

/** Makes a route. @throws conflict when there is one, kernel when the gateway can't be reached */
export async function addRoute(connection: NetlinkConnection, route: NewRoute): Promise<void> {
  await connection.run(addRouteMessage(route, await indexIfGiven(connection, route.link)));
}

/** Deletes a route. Gives false when there was none. @throws not-found for an unknown link */
export async function deleteRoute(connection: NetlinkConnection, route: NewRoute): Promise<boolean> {
  const linkIndex = await indexIfGiven(connection, route.link);
  const scope = route.scope === undefined ? 255 : encodeScope(route.scope);
  const type = route.type === undefined ? 0 : routeTypeNames.indexOf(route.type);
  const body = writeRoute(route, linkIndex, { scope, type, protocol: route.protocol ?? 0 }).body;
  const message = { type: routeTypes.delete, body, doing: `delete ${describe(route)}` };
  const [outcome] = await connection.request([message]);
  if (outcome?.error === undefined) return true;
  if (outcome.error.kind === 'not-found') return false;
  throw outcome.error;
}

/** The message that makes a route by the link with that index. */
export function addRouteMessage(route: NewRoute, linkIndex: number | undefined): Message {
  const { gateway, type = 'unicast', protocol = 4 } = route;
  const leads = type === 'unicast' && gateway === undefined && familyOfRoute(route) === 4;
  const scope = encodeScope(route.scope ?? (leads ? 'link' : type === 'local' ? 'host' : 'global'));
  return {
    type: routeTypes.new,
    flags: messageFlags.create | (route.isFurther === true ? messageFlags.append : messageFlags.exclusive),
    body: writeRoute(route, linkIndex, { scope, type: routeTypeNames.indexOf(type), protocol }).body,
    doing: `add ${describe(route)}`,
  };
}

function writeRoute(
  route: NewRoute,
  linkIndex: number | undefined,
  numbers: { readonly scope: number; readonly type: number; readonly protocol: number },
): MessageWriter {
  const { destination, gateway, mtu } = route;
  const prefix = destination === undefined ? 0 : prefixOf(destination);
  const flags = route.onLink === true ? onLinkFlag : 0;
  const writer = new MessageWriter(header({ family: familyOfRoute(route), prefix, flags, ...numbers }))
    .ip(
      routeAttributes.destination,
      destination === undefined ? undefined : ipOf(destination as string as Address),
    )
    .ip(routeAttributes.gateway, gateway)
    .u32(routeAttributes.outputLink, linkIndex)
    .u32(routeAttributes.table, route.table ?? mainTable)
    .u32(routeAttributes.priority, route.metric)
    .ip(routeAttributes.preferredSource, route.source);
  return mtu === undefined
    ? writer
    : writer.nested(routeAttributes.metrics, (metrics) => metrics.u32(mtuMetric, mtu));
}

function familyOfRoute({ family, destination, gateway }: NewRoute): IpFamily {
  if (destination !== undefined) return familyOfRange(destination);
  return gateway === undefined ? (family ?? 4) : familyOf(gateway);
}

async function indexIfGiven(
  connection: NetlinkConnection,
  link: LinkReference | undefined,
): Promise<number | undefined> {
  return link === undefined ? undefined : await indexOf(connection, link);
}

function describe(route: NewRoute): string {
  const { destination = 'default', gateway, link, table } = route;
  const via = gateway === undefined ? '' : ` via ${gateway}`;
  return `route ${destination}${via}${link === undefined ? '' : ` dev ${link}`}${table === undefined ? '' : ` table ${table}`}`;
}

/** struct rtmsg; tables beyond 255 are told by an attribute. Source: rtnetlink(7). */
function header(fields: {
  readonly family: IpFamily;
  readonly prefix?: number;
  readonly sourcePrefix?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}): Buffer {
  const { family, prefix = 0, sourcePrefix = 0, protocol = 0, scope = 0, type = 0, flags = 0 } = fields;
  const bytes = Buffer.alloc(routeHeaderLength);
  bytes.set([addressFamilies[family], prefix, sourcePrefix, 0, 0, protocol, scope, type]);
  bytes.writeUInt32LE(flags, 8);
  return bytes;
}
