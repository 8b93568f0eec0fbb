import { Rtnetlink, type NewRoute } from '../kernel/netlink/index.ts';
import { writeSysctl } from '../kernel/proc/sysctl.ts';
import { isSameNamespace, observeFarEnd, type Kernel } from '../observe/index.ts';
import {
  contains,
  familyOfRange,
  subnetOf,
  TsnetError,
  type SandboxInterface,
  type SandboxRoute,
} from '../model/index.ts';

/**
 * Gives an interface in a sandbox its addresses and routes and sets it up, unless it is to stay down. What it has already
 * stays.
 *
 * @returns what is there then, as `observe` would give it, where it was read back
 * @throws conflict when the path leads to another namespace by now; kernel, such as for a gateway out of reach
 */
export async function setUpInterface(
  { rtnetlink }: Pick<Kernel, 'rtnetlink'>,
  resource: SandboxInterface,
): Promise<SandboxInterface[]> {
  const { name, hostLink, sandbox, addresses, detectsDuplicates = false } = resource;
  if (!isSameNamespace(sandbox)) {
    throw new TsnetError(
      'conflict',
      `set up ${name} in ${sandbox.path}: it is another namespace than before`,
      {
        subject: sandbox.path,
      },
    );
  }
  set(resource);
  if (resource.staysDown === true) return [];
  using inside = Rtnetlink.openBlocking(sandbox.path);
  await inside.configureLink(name, {
    addresses: addresses.map((address) => ({ address, noDad: !detectsDuplicates })),
    routes: resource.routes.map((route) => routeThrough(resource, route)),
  });
  const host = (await rtnetlink.readLinks([hostLink])).get(hostLink);
  const seen = host === undefined ? undefined : await observeFarEnd(inside, resource, host);
  return seen === undefined ? [] : [seen];
}

/** Settings that count from the moment the interface is up. Source: Linux ip-sysctl.rst. */
function set({ name, sandbox, addresses, detectsDuplicates, announces }: SandboxInterface): void {
  if (announces === true) writeSysctl(`ipv4/conf/${name}/arp_notify`, '1', sandbox.path);
  if (!addresses.some((address) => familyOfRange(address) === 6)) return;
  // Runtimes make namespaces whose default is IPv6 turned off.
  for (const link of [name, 'lo']) writeSysctl(`ipv6/conf/${link}/disable_ipv6`, '0', sandbox.path);
  if (detectsDuplicates !== true) writeSysctl(`ipv6/conf/${name}/accept_dad`, '0', sandbox.path);
}

function routeThrough(
  { addresses }: SandboxInterface,
  { destination, gateway, ...rest }: SandboxRoute,
): NewRoute {
  const isReachable =
    gateway === undefined || addresses.some((address) => contains(subnetOf(address), gateway));
  return {
    ...rest,
    family: familyOfRange(destination),
    ...(destination.endsWith('/0') ? {} : { destination }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(isReachable ? {} : { onLink: true }),
    // Another network of the container may have the same destination, the default route above all.
    isFurther: true,
  };
}
