import { Rtnetlink, type Link, type Route } from '../kernel/netlink/index.ts';
import { netnsIdOf } from '../kernel/netns/index.ts';
import {
  everywhere,
  TsnetError,
  type Address,
  type IfName,
  type SandboxInterface,
  type SandboxRoute,
} from '../model/index.ts';

/**
 * The far end of a veth as it is in its sandbox, with every address and route it has there; undefined when the sandbox
 * is gone, its path leads to another one by now, or the interface in it is not the other end of the pair.
 *
 * @param host the end in the bridge
 */
export async function observeSandboxInterface(
  wanted: SandboxInterface,
  host: Link,
): Promise<SandboxInterface | undefined> {
  if (!isSameNamespace(wanted.sandbox)) return undefined;
  using inside = openIfPresent(wanted.sandbox.path);
  return inside === undefined ? undefined : await observeFarEnd(inside, wanted, host);
}

/** As `observeSandboxInterface`, for who is in the sandbox already: to go in takes 0.2 ms. */
export async function observeFarEnd(
  inside: Rtnetlink,
  wanted: SandboxInterface,
  host: Link,
): Promise<SandboxInterface | undefined> {
  const { sandbox, name } = wanted;
  const found = await readInterface(inside, name);
  if (found === undefined || found.link.index !== host.peerIndex) return undefined;
  const { link, addresses, routes } = found;
  return {
    kind: 'sandbox-interface',
    hostLink: host.name as IfName,
    name,
    sandbox,
    addresses,
    routes: routes.flatMap((route) => sandboxRoute(route, link.index)),
    ...(wanted.detectsDuplicates === true ? { detectsDuplicates: true } : {}),
    ...(wanted.announces === true ? { announces: true } : {}),
    ...(wanted.staysDown === true ? { staysDown: true } : {}),
    ...(link.isUp ? {} : { isDown: true }),
    owner: wanted.owner,
  };
}

/** A link of a sandbox with its addresses, and all routes of the sandbox; undefined when there is none of that name. */
export async function readInterface(
  inside: Rtnetlink,
  name: IfName,
): Promise<
  | { readonly link: Link; readonly addresses: readonly Address[]; readonly routes: readonly Route[] }
  | undefined
> {
  const link = (await inside.readLinks([name])).get(name);
  if (link === undefined) return undefined;
  const [addresses, routes] = await Promise.all([
    inside.listAddresses({ link: link.index }),
    inside.listRoutes(),
  ]);
  return { link, addresses: addresses.map(({ address }) => address), routes };
}

/** Whether a path still leads to the namespace that it led to. */
export function isSameNamespace({ path, netns }: SandboxInterface['sandbox']): boolean {
  try {
    return netnsIdOf(path) === netns;
  } catch (error) {
    if (error instanceof TsnetError && error.kind === 'not-found') return false;
    throw error;
  }
}

function openIfPresent(path: string): Rtnetlink | undefined {
  try {
    return Rtnetlink.openBlocking(path);
  } catch (error) {
    // A file that pins nothing any more, such as what is left in /run/netns after `umount`, is refused as invalid.
    if (error instanceof TsnetError && (error.kind === 'not-found' || error.errno === 'EINVAL'))
      return undefined;
    throw error;
  }
}

function sandboxRoute(route: Route, linkIndex: number): SandboxRoute[] {
  // Of IPv6 the kernel makes one route with several ways of those that differ in nothing else.
  const hop = route.nextHops.find((one) => one.linkIndex === linkIndex);
  if (route.type !== 'unicast' || hop === undefined) return [];
  const { metric, mtu } = route;
  return [
    {
      destination: route.destination ?? everywhere(route.family),
      ...(hop.gateway === undefined ? {} : { gateway: hop.gateway }),
      ...(metric === undefined ? {} : { metric }),
      ...(mtu === undefined ? {} : { mtu }),
      table: route.table,
    },
  ];
}
