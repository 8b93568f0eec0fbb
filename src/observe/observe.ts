import type { Firewall, FirewallResource } from '../firewall/index.ts';
import { isUnfinished, type Link, type Rtnetlink } from '../kernel/netlink/index.ts';
import { isInstalled } from '../kernel/run-command.ts';
import {
  hostLinkPrefix,
  ipOnlyGroup,
  keyOf,
  TsnetError,
  unfinishedOwner,
  uniqueByKey,
  type Address,
  type AddressOn,
  type IfName,
  type Mac,
  type Owner,
  type Resource,
} from '../model/index.ts';
import { observeRoutes } from './routes.ts';
import { observeSandboxInterface } from './sandbox-interface.ts';
import { readIfPresent, readSettings } from './settings.ts';
import { observeShaping } from './shaping.ts';

/** The interfaces through which one network namespace is seen and changed. */
export interface Kernel {
  /** Path of the namespace; absent means the process's own. */
  readonly netns?: string;
  readonly rtnetlink: Rtnetlink;
  readonly firewall: Firewall;
}

/**
 * Which of the wanted resources the kernel holds, and how: the same key, perhaps with other content or another owner.
 * Costs as much as there are resources wanted, whatever else the host holds.
 */
export async function observe(kernel: Kernel, wanted: readonly Resource[]): Promise<Resource[]> {
  const names = new Set(wanted.flatMap(linkNames));
  const paths = wanted.flatMap((resource) => (resource.kind === 'sysctl' ? [resource.path] : []));
  const settings = readSettings(kernel, paths);
  const [links, rules] = await Promise.all([
    kernel.rtnetlink.readLinks([...names]),
    kernel.firewall.observe(wanted.filter(isFirewallResource)),
  ]);
  const nameOf = new Map([...links.values()].map((link) => [link.index, link.name]));
  const found: Resource[] = [...rules];
  for (const resource of wanted) {
    switch (resource.kind) {
      case 'bridge':
      case 'veth':
      case 'ifb': {
        const link = links.get(resource.name);
        if (link !== undefined) found.push(linkResource(link, nameOf));
        break;
      }
      case 'sandbox-interface': {
        const host = links.get(resource.hostLink);
        const there = host === undefined ? undefined : await observeSandboxInterface(resource, host);
        if (there !== undefined) found.push(there);
        break;
      }
      case 'sysctl': {
        const value = settings.get(resource.path);
        if (value !== undefined) found.push({ ...resource, value });
        break;
      }
      case 'shaping':
      case 'address':
      case 'route':
      case 'network-rules':
      case 'published-port':
      case 'open-port':
      case 'source-guard':
      case 'frame-filter':
        break;
    }
  }
  const routes = wanted.filter((resource) => resource.kind === 'route');
  found.push(...(await observeRoutes(kernel.rtnetlink, routes, links)));
  const shaped = wanted.filter((resource) => resource.kind === 'shaping');
  found.push(...(await observeShaping(kernel.rtnetlink, shaped, links, ownerOf)));
  const addressed = new Set(
    wanted.flatMap((resource) => (resource.kind === 'address' ? [resource.link] : [])),
  );
  const owners = new Map(wanted.map((resource) => [keyOf(resource), resource.owner]));
  for (const name of addressed) {
    const link = links.get(name);
    if (link === undefined) continue;
    for (const address of await addressesOn(kernel, link)) {
      const wantedOwner = owners.get(keyOf(address));
      if (wantedOwner === undefined && isLinkLocal(address)) continue;
      // An address carries no mark. On a bridge without one, which others made, the records tell whose it is.
      found.push(address.owner === 'host' ? { ...address, owner: wantedOwner ?? 'host' } : address);
    }
  }
  return found;
}

/** Everything in the kernel that carries tsnet's mark, found by the mark and not by names or shapes. */
export async function observeOwned(kernel: Kernel): Promise<Resource[]> {
  const [links, rules] = await Promise.all([kernel.rtnetlink.listLinks(), kernel.firewall.observeAll()]);
  const nameOf = new Map(links.map((link) => [link.index, link.name]));
  const ours = links.filter((link) => ownerOf(link) !== 'host');
  const found: Resource[] = [...rules, ...ours.map((link) => linkResource(link, nameOf))];
  const bridges = new Map(ours.flatMap((link) => (link.kind === 'bridge' ? [[link.index, link]] : [])));
  // One question for all bridges: a thousand networks are looked at in one dump.
  const addresses = bridges.size === 0 ? [] : await kernel.rtnetlink.listAddresses();
  for (const { linkIndex, address } of addresses) {
    const bridge = bridges.get(linkIndex);
    const on = bridge === undefined ? undefined : addressOn(bridge, address);
    if (on !== undefined && !isLinkLocal(on)) found.push(on);
  }
  return uniqueByKey(found);
}

function linkNames(resource: Resource): IfName[] {
  switch (resource.kind) {
    case 'bridge':
    case 'ifb':
      return [resource.name];
    case 'shaping':
      return [resource.link, resource.ifb];
    case 'veth':
      return [resource.name, resource.bridge];
    case 'sandbox-interface':
      return [resource.hostLink];
    case 'address':
    case 'route':
      return [resource.link];
    case 'sysctl':
    case 'network-rules':
    case 'published-port':
    case 'open-port':
    case 'source-guard':
    case 'frame-filter':
      return [];
  }
}

/** Whether a resource is the firewall's business. */
export function isFirewallResource(resource: Resource): resource is FirewallResource {
  return (
    resource.kind === 'network-rules' ||
    resource.kind === 'published-port' ||
    resource.kind === 'open-port' ||
    resource.kind === 'source-guard' ||
    resource.kind === 'frame-filter'
  );
}

/** What a link is to tsnet. @param nameOf names of links by index, of its master at least */
export function linkResource(link: Link, nameOf: ReadonlyMap<number, string>): Resource {
  const owner = ownerOf(link);
  const mtu = link.mtu;
  const down = link.isUp ? {} : ({ isDown: true } as const);
  if (link.kind === 'ifb') return { kind: 'ifb', name: link.name as IfName, ...down, owner };
  if (link.kind !== 'veth') {
    const isFiltering = link.bridge?.callsIptables === true && link.bridge.callsIp6tables;
    const filters = isFiltering ? ({ filtersFrames: true } as const) : {};
    const mac = (link.mac ?? '') as Mac;
    return { kind: 'bridge', name: link.name as IfName, mac, mtu, ...filters, ...down, owner };
  }
  const bridge = (link.masterIndex === undefined ? '' : (nameOf.get(link.masterIndex) ?? '')) as IfName;
  const isIsolated = link.bridgePort?.isolated ?? false;
  const hairpins = link.bridgePort?.hairpin === true ? ({ hairpins: true } as const) : {};
  const ipOnly = link.group === ipOnlyGroup ? ({ passesIpOnly: true } as const) : {};
  return {
    kind: 'veth',
    name: link.name as IfName,
    bridge,
    peer: 'elsewhere',
    isIsolated,
    ...hairpins,
    ...ipOnly,
    mtu,
    owner,
  };
}

/** None on a link that went away since it was read. */
async function addressesOn(kernel: Kernel, link: Link): Promise<AddressOn[]> {
  const addresses = await kernel.rtnetlink.listAddresses({ link: link.index }).catch((error: unknown) => {
    if (error instanceof TsnetError && error.kind === 'not-found') return [];
    throw error;
  });
  return addresses.map(({ address }) => addressOn(link, address));
}

function addressOn(link: Link, address: Address): AddressOn {
  return { kind: 'address', link: link.name as IfName, address, owner: ownerOf(link) };
}

/** The kernel makes such addresses by itself, so that only those that are wanted are worth a look. */
function isLinkLocal({ address }: AddressOn): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

export function ownerOf(link: Link): Owner {
  if (link.alias?.startsWith('tsnet:') === true) return link.alias.slice('tsnet:'.length) as Owner;
  return isUnfinished(link) && link.name.startsWith(hostLinkPrefix) ? unfinishedOwner : 'host';
}

/**
 * Whether what passes between the ports of a bridge can be filtered: br_netfilter is loaded, for IP, and nft(8) is there
 * for all else.
 */
export function canFilterFrames(kernel: Pick<Kernel, 'netns'>): boolean {
  return readIfPresent(kernel, 'bridge/bridge-nf-call-iptables') !== undefined && isInstalled('nft');
}
