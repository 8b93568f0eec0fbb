import type { NativeFolder } from '../../kernel/netlink/index.ts';
import { SysctlReader } from '../../kernel/proc/index.ts';

type Name = readonly [folder: string, name: string];

/** What decides on forwarding and filtering. Source: Linux `Documentation/networking/ip-sysctl.rst`. */
const everywhere: readonly Name[] = [
  ['ipv4', 'ip_forward'],
  ['ipv4', 'conf/all/rp_filter'],
  ['ipv4', 'conf/all/route_localnet'],
];

/** What concerns the host, with its limits. Source: as above, and `nf_conntrack-sysctl.rst`. */
const ofHost: readonly Name[] = [
  ['ipv4', 'ip_nonlocal_bind'],
  ['ipv4', 'ip_unprivileged_port_start'],
  ['ipv4', 'ip_local_port_range'],
  ['ipv4', 'ip_local_reserved_ports'],
  ['ipv4', 'neigh/default/gc_thresh3'],
  ['ipv4', 'conf/all/forwarding'],
  ['ipv4', 'conf/all/proxy_arp'],
  ['ipv4', 'conf/all/accept_local'],
  ['ipv4', 'conf/default/forwarding'],
  ['ipv4', 'conf/default/rp_filter'],
  ['ipv6', 'conf/all/forwarding'],
  ['ipv6', 'conf/all/disable_ipv6'],
  ['ipv6', 'conf/all/accept_ra'],
  ['ipv6', 'conf/default/forwarding'],
  ['ipv6', 'conf/default/disable_ipv6'],
  ['bridge', 'bridge-nf-call-iptables'],
  ['bridge', 'bridge-nf-call-ip6tables'],
  ['bridge', 'bridge-nf-call-arptables'],
  ['netfilter', 'nf_conntrack_max'],
  ['netfilter', 'nf_conntrack_count'],
];

const root = '/proc/sys/net';

/** What `readSysctls` looks for, so that it can be read in many namespaces at once. */
export function sysctlFolders(isHost: boolean): NativeFolder[] {
  const folders = new Map<string, string[]>();
  for (const [folder, name] of namesFor(isHost)) {
    const files = folders.get(folder) ?? [];
    files.push(name);
    folders.set(folder, files);
  }
  return [...folders].map(([folder, files]) => ({ path: `${root}/${folder}`, files }));
}

/**
 * Settings of a namespace as a whole; those of single links come with the links. In a foreign namespace each costs 80 µs
 * and each folder as much, so few are read where a container is.
 *
 * @param files what was read there already
 * @returns by path below `/proc/sys/net`; those that the kernel does not have are absent
 * @throws not-found, denied
 */
export function readSysctls(
  netns: string | undefined,
  isHost: boolean,
  files?: ReadonlyMap<string, string | undefined>,
): Record<string, string> {
  using reader = new SysctlReader(netns);
  const found = namesFor(isHost).flatMap(([folder, name]) => {
    const path = `${root}/${folder}/${name}`;
    const value = files?.has(path) === true ? files.get(path) : reader.read(folder, name);
    return value === undefined ? [] : [[`${folder}/${name}`, value] as const];
  });
  return Object.fromEntries(found);
}

function namesFor(isHost: boolean): readonly Name[] {
  return isHost ? [...everywhere, ...ofHost] : everywhere;
}
