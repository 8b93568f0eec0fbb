import type { Resource } from '../model/index.ts';

/**
 * The order in which kinds are made; they are removed in the reverse order. Why each stands before the next:
 * a bridge before the settings below its name in `/proc/sys`, settings before the first packet can pass, the rules
 * before the addresses (an address makes the network reachable, and it should never be so unfiltered), the
 * bridge's address before containers that use it as gateway, the guard of a link before the link can send, a container's
 * link before its far end is set up in the sandbox, and both before its ports are opened.
 */
const ranks: Readonly<Record<Resource['kind'], number>> = {
  bridge: 0,
  sysctl: 1,
  'network-rules': 2,
  address: 3,
  'source-guard': 4,
  veth: 5,
  'sandbox-interface': 6,
  'published-port': 7,
  'open-port': 7,
};

/** The resources sorted so that each comes after what it stands on. */
export function inCreationOrder(resources: readonly Resource[]): Resource[] {
  return [...resources].sort((one, other) => ranks[one.kind] - ranks[other.kind]);
}

/** The resources sorted so that each comes before what it stands on. */
export function inDeletionOrder(resources: readonly Resource[]): Resource[] {
  return inCreationOrder(resources).toReversed();
}
