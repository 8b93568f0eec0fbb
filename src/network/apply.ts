import { readSysctl, writeSysctl } from '../kernel/proc/sysctl.ts';
import { isFirewallResource, linkResource, type Kernel } from '../observe/index.ts';
import {
  belongsTo,
  familyOf,
  formatResource,
  ipOnlyGroup,
  TsnetError,
  type BridgeLink,
  type ConnectedRoute,
  type IfbLink,
  type IfName,
  type Resource,
  type VethLink,
} from '../model/index.ts';
import type { Change } from '../plan/index.ts';
import { disableIpv6 } from './disable-ipv6.ts';
import { kernelProtocol } from './kernel-alarms.ts';
import { setUpInterface } from './sandbox-interface.ts';
import { shape, unshape } from './shaping.ts';

/**
 * Makes changes in the order given. Neighbouring changes of the firewall go into one transaction and neighbouring
 * deletions of links into one group delete: each costs the kernel's grace periods once instead of every time. Bridges
 * go up after the settings that follow them: their first packet finds the settings.
 *
 * @returns what was read back when it was made, as `observe` would give it
 * @throws what the first failing step throws; the steps before it are not undone here
 */
export async function apply(kernel: Kernel, changes: readonly Change[]): Promise<readonly Resource[]> {
  const seen: Resource[] = [];
  for (const batch of batches(changes)) {
    const first = batch[0];
    if (first === undefined) continue;
    if (isFirewallResource(first.resource)) await applyFirewall(kernel, batch);
    else if (isLinkDeletion(first))
      await kernel.rtnetlink.deleteLinks(batch.map(({ resource }) => linkName(resource)));
    else if (isBridgeOrSetting(first)) await applyBridges(kernel, batch);
    else for (const change of batch) seen.push(...((await applyOne(kernel, change)) ?? []));
  }
  return seen;
}

/** Runs of neighbours that go together: firewall, deletions of links, bridges and settings, everything else. */
function batches(changes: readonly Change[]): Change[][] {
  const result: Change[][] = [];
  let lastSort = '';
  for (const change of changes) {
    const sort = isFirewallResource(change.resource)
      ? 'firewall'
      : isLinkDeletion(change)
        ? 'links'
        : isBridgeOrSetting(change)
          ? 'bridges'
          : 'other';
    if (sort !== lastSort) result.push([]);
    result.at(-1)?.push(change);
    lastSort = sort;
  }
  return result;
}

async function applyFirewall(kernel: Kernel, changes: readonly Change[]): Promise<void> {
  for (const change of changes)
    if (change.action === 'update') refuseStranger(change.resource, change.before);
  const remove = changes.flatMap((change) => {
    if (change.action === 'delete') return [change.resource];
    return change.action === 'update' ? [change.before] : [];
  });
  const add = changes.flatMap((change) => (change.action === 'delete' ? [] : [change.resource]));
  await kernel.firewall.apply({
    remove: remove.filter(isFirewallResource),
    add: add.filter(isFirewallResource),
  });
}

function isBridgeOrSetting({ resource: { kind } }: Change): boolean {
  return kind === 'bridge' || kind === 'sysctl';
}

async function applyBridges(kernel: Kernel, changes: readonly Change[]): Promise<void> {
  for (const change of changes) await applyOne(kernel, change);
  for (const { resource } of changes) {
    if (resource.kind === 'bridge') await kernel.rtnetlink.setLink(resource.name, { up: true });
  }
}

function isLinkDeletion({ action, resource }: Change): boolean {
  return action === 'delete' && isLink(resource);
}

function isLink(resource: Resource): resource is BridgeLink | VethLink | IfbLink {
  return resource.kind === 'bridge' || resource.kind === 'veth' || resource.kind === 'ifb';
}

function linkName(resource: Resource): IfName {
  if (isLink(resource)) return resource.name;
  throw new TsnetError('bug', `delete link: ${resource.kind} is none`);
}

async function applyOne(kernel: Kernel, change: Change): Promise<readonly Resource[] | void> {
  const { rtnetlink, netns } = kernel;
  const { action, resource } = change;
  if (change.action === 'update') refuseStranger(change.resource, change.before);
  switch (resource.kind) {
    case 'bridge': {
      const { name, mac, mtu, filtersFrames, owner } = resource;
      if (owner === 'host') {
        if (action === 'create') throw vanishedBridge(name);
        return;
      }
      const attributes = {
        mac,
        alias: `tsnet:${owner}`,
        ...(mtu === undefined ? {} : { mtu }),
        ...(filtersFrames === undefined ? {} : { bridge: { filtersFrames } }),
      };
      if (action === 'create') await rtnetlink.createBridge({ name, ...attributes });
      else await rtnetlink.setLink(name, attributes);
      return;
    }
    case 'veth':
      if (action === 'create') return [await createVeth(kernel, resource)];
      disableIpv6(kernel, resource.name);
      await rtnetlink.setLink(resource.name, {
        alias: `tsnet:${resource.owner}`,
        // One that was left unfinished is known by its group until it has the alias.
        group: groupOf(resource),
        master: resource.bridge,
        up: true,
        ...mtuOf(resource),
      });
      await rtnetlink.setBridgePort(resource.name, {
        hairpin: resource.hairpins === true,
        isolated: resource.isIsolated,
      });
      return;
    case 'ifb': {
      const { name, owner } = resource;
      const beforeUp = () => disableIpv6(kernel, name);
      if (action === 'create')
        await rtnetlink.createIfb({ name, alias: `tsnet:${owner}`, up: true, beforeUp });
      else await rtnetlink.setLink(name, { up: true });
      return;
    }
    case 'shaping':
      if (action === 'delete') await unshape(rtnetlink, resource);
      else await shape(rtnetlink, resource);
      return;
    case 'sandbox-interface':
      return action === 'delete' ? undefined : await setUpInterface(kernel, resource);
    case 'address':
      if (action === 'delete') await rtnetlink.deleteAddress(resource);
      else await rtnetlink.addAddress({ ...resource, noDad: true });
      return;
    case 'route':
      if (action === 'create') await addConnectedRoute(kernel, resource);
      return;
    case 'sysctl':
      ensureSysctl(resource.path, resource.value, netns);
      return;
    case 'network-rules':
    case 'published-port':
    case 'open-port':
    case 'source-guard':
    case 'frame-filter':
      throw new TsnetError('bug', `${formatResource(resource)}: not in a firewall transaction`);
  }
}

/**
 * As the kernel makes it, so that it goes with its address. The kernel has made it already where the address is new.
 * Source: Linux `fib_frontend.c` fib_magic, `addrconf.c` addrconf_prefix_route.
 */
async function addConnectedRoute({ rtnetlink }: Kernel, route: ConnectedRoute): Promise<void> {
  const { link, destination, source } = route;
  const ofFamily = familyOf(source) === 4 ? { source } : { metric: 256 };
  const made = { link, destination, protocol: kernelProtocol, isFurther: true, ...ofFamily };
  await rtnetlink.addRoute(made).catch((error: unknown) => {
    if (!(error instanceof TsnetError) || error.kind !== 'conflict') throw error;
  });
}

/** An empty bridge in the place of one that others made would look right and lead nowhere. */
function vanishedBridge(name: IfName): TsnetError {
  return new TsnetError('not-found', `use bridge ${name}: it is gone, and tsnet did not make it`, {
    subject: name,
    hint: 'make it again, or remove the network',
  });
}

async function createVeth(kernel: Kernel, veth: VethLink): Promise<Resource> {
  if (veth.peer === 'elsewhere') throw new TsnetError('bug', `create link ${veth.name}: no peer was decided`);
  const link = await kernel.rtnetlink
    .createVeth({
      name: veth.name,
      alias: `tsnet:${veth.owner}`,
      master: veth.bridge,
      up: true,
      hairpin: veth.hairpins === true,
      isolated: veth.isIsolated,
      group: groupOf(veth),
      isKnownByName: true,
      beforeUp: () => disableIpv6(kernel, veth.name),
      peer: { ...veth.peer, ...mtuOf(veth) },
      ...mtuOf(veth),
    })
    .catch((error: unknown) => {
      throw explain(veth, error);
    });
  return linkResource(link, new Map([[link.masterIndex ?? 0, veth.bridge]]));
}

function explain(veth: VethLink, error: unknown): unknown {
  if (!(error instanceof TsnetError)) return error;
  if (error.errno === 'EXFULL') return fullBridge(veth, error);
  if (error.kind === 'conflict' && veth.peer !== 'elsewhere' && veth.peer.netns !== undefined) {
    const { name, netns } = veth.peer;
    return new TsnetError(
      'conflict',
      `make interface ${name} in ${netns}: there is one of that name already`,
      {
        subject: name,
        hint: 'end what has it, or choose another name',
        cause: error,
      },
    );
  }
  if (error.kind !== 'not-found') return error;
  return new TsnetError('drift', `attach ${veth.name} to ${veth.bridge}: somebody removed the bridge`, {
    hint: 'if tsnet did not make it, make it again or remove the network',
    cause: error,
  });
}

/** A bridge numbers its ports with 10 bits and does not use the first. Source: Linux `br_private.h`, BR_PORT_BITS. */
function fullBridge(veth: VethLink, cause: TsnetError): TsnetError {
  return new TsnetError(
    'exhausted',
    `attach ${veth.name} to ${veth.bridge}: a Linux bridge takes at most 1023 ports`,
    {
      subject: veth.bridge,
      hint: 'spread the containers over several networks',
      errno: 'EXFULL',
      cause,
    },
  );
}

/** What is marked as another's, or not at all, is not ours to change. */
function refuseStranger(wanted: Resource, found: Resource): void {
  if (wanted.kind === 'sysctl' || (belongsTo(wanted.owner, found.owner) && wanted.kind === found.kind))
    return;
  throw new TsnetError('conflict', `${formatResource(wanted)}: ${describe(found)} is in the way`, {
    subject: formatResource(wanted),
    hint:
      found.owner === 'host'
        ? 'rename or remove that interface, or choose another name'
        : 'tsnet network ls; if no network has it: tsnet gc',
  });
}

function describe(found: Resource): string {
  if (found.owner === 'host') return 'an interface of this name that tsnet did not make';
  return `${formatResource(found)} of ${found.owner}`;
}

function ensureSysctl(path: string, value: string, netns: string | undefined): void {
  if (readSysctl(path, netns) !== value) writeSysctl(path, value, netns);
}

function groupOf({ passesIpOnly }: VethLink): number {
  return passesIpOnly === true ? ipOnlyGroup : 0;
}

function mtuOf({ mtu }: VethLink): { mtu?: number } {
  return mtu === undefined ? {} : { mtu };
}
