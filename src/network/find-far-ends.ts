import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Rtnetlink, type Link } from '../kernel/netlink/index.ts';
import type { Address, IfName, Mac } from '../model/index.ts';
import type { Kernel } from '../observe/index.ts';

/** The end of a veth that a container has. */
export interface FarEnd {
  readonly name: IfName;
  readonly mac: Mac | undefined;
  /** Without those that the kernel gives by itself. */
  readonly addresses: readonly Address[];
  /** A path to its namespace; absent where it is not in a namespace of its own. */
  readonly sandbox?: string;
}

/** Where namespaces are pinned. Source: ip-netns(8), Docker. Processes lead to those that are not. */
const folders = ['/run/netns', '/run/docker/netns'];

/**
 * Where some veths lead to, by the index of their end here: the names, MAC and IP addresses there. One whose namespace
 * nothing leads to is missing.
 */
export async function findFarEnds(
  { rtnetlink }: Pick<Kernel, 'rtnetlink'>,
  veths: readonly Link[],
): Promise<ReadonlyMap<number, FarEnd>> {
  const found = new Map<number, FarEnd>();
  const ofHere = veths.filter(({ peerNsid }) => peerNsid === undefined);
  for (const veth of ofHere) await addFarEnd(found, rtnetlink, veth);
  const waiting = new Map<number, Link[]>();
  for (const veth of veths) {
    if (veth.peerNsid === undefined) continue;
    waiting.set(veth.peerNsid, [...(waiting.get(veth.peerNsid) ?? []), veth]);
  }
  for (const path of doors()) {
    if (waiting.size === 0) break;
    const nsid = await rtnetlink.nsidOf(path).catch(() => undefined);
    const some = nsid === undefined ? undefined : waiting.get(nsid);
    if (nsid === undefined || some === undefined) continue;
    waiting.delete(nsid);
    using there = Rtnetlink.open(path);
    for (const veth of some) await addFarEnd(found, there, veth, path);
  }
  return found;
}

async function addFarEnd(
  found: Map<number, FarEnd>,
  there: Rtnetlink,
  { index, peerIndex }: Link,
  sandbox?: string,
): Promise<void> {
  const link = (await there.listLinks()).find((one) => one.index === peerIndex);
  if (link === undefined) return;
  const addresses = await there.listAddresses({ link: link.index });
  found.set(index, {
    name: link.name as IfName,
    mac: link.mac,
    addresses: addresses.filter(({ scope }) => scope === 'global').map(({ address }) => address),
    ...(sandbox === undefined ? {} : { sandbox }),
  });
}

/** One path to each network namespace that is pinned or that a process is in. */
function doors(): string[] {
  const pinned = folders.flatMap((folder) => listOf(folder).map((name) => join(folder, name)));
  const processes = listOf('/proc').filter((name) => /^\d+$/.test(name));
  const paths = [...pinned, ...processes.map((pid) => `/proc/${pid}/ns/net`)];
  const unique = new Map<number, string>();
  for (const path of paths) {
    const inode = inodeOf(path);
    if (inode !== undefined && !unique.has(inode)) unique.set(inode, path);
  }
  return [...unique.values()];
}

/** Undefined where it is gone, or a process may not be looked at even by root. */
function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
