import { Rtnetlink } from '../kernel/netlink/index.ts';
import { writeSysctl } from '../kernel/proc/sysctl.ts';
import { isSameNamespace } from '../observe/index.ts';
import {
  contains,
  familyOfRange,
  subnetOf,
  TsnetError,
  type SandboxInterface,
  type SandboxRoute,
} from '../model/index.ts';

/**
 * Gives an interface in a sandbox its addresses and routes and sets it up. What it has already stays.
 *
 * @throws conflict when the path leads to another namespace by now; kernel, such as for a gateway out of reach
 */
export async function setUpInterface(resource: SandboxInterface): Promise<void> {
  const { name, sandbox, addresses, detectsDuplicates = false } = resource;
  if (!isSameNamespace(sandbox)) {
    throw new TsnetError(
      'conflict',
      `set up ${name} in ${sandbox.path}: it is another namespace than before`,
      {
        subject: sandbox.path,
      },
    );
  }
  using inside = Rtnetlink.open(sandbox.path);
  set(resource);
  for (const address of addresses) {
    await unlessThere(inside.addAddress({ link: name, address, noDad: !detectsDuplicates }));
  }
  await inside.setLink(name, { up: true });
  for (const route of resource.routes) await unlessThere(addRoute(inside, resource, route));
}

/** Settings that count from the moment the interface is up. Source: Linux ip-sysctl.rst. */
function set({ name, sandbox, addresses, detectsDuplicates, announces }: SandboxInterface): void {
  if (announces === true) writeSysctl(`ipv4/conf/${name}/arp_notify`, '1', sandbox.path);
  if (!addresses.some((address) => familyOfRange(address) === 6)) return;
  // Runtimes make namespaces whose default is IPv6 turned off.
  writeSysctl(`ipv6/conf/${name}/disable_ipv6`, '0', sandbox.path);
  if (detectsDuplicates !== true) writeSysctl(`ipv6/conf/${name}/accept_dad`, '0', sandbox.path);
}

async function addRoute(
  inside: Rtnetlink,
  { name, addresses }: SandboxInterface,
  { destination, gateway, metric, mtu, table }: SandboxRoute,
): Promise<void> {
  const isReachable =
    gateway === undefined || addresses.some((address) => contains(subnetOf(address), gateway));
  const isDefault = destination.endsWith('/0');
  await inside.addRoute({
    link: name,
    family: familyOfRange(destination),
    ...(isDefault ? {} : { destination }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(isReachable ? {} : { onLink: true }),
    ...(metric === undefined ? {} : { metric }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(table === undefined ? {} : { table }),
  });
}

async function unlessThere(addition: Promise<void>): Promise<void> {
  try {
    await addition;
  } catch (error) {
    if (!(error instanceof TsnetError) || error.errno !== 'EEXIST') throw error;
  }
}
