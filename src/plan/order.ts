import type { Resource } from '../model/index.ts';

/**
 * The order in which kinds are made; they are removed in the reverse order. Why each stands before the next:
 * a bridge before the settings below its name in `/proc/sys` (it goes up after them, see `apply`), settings before the
 * first packet can pass, the rules
 * before the addresses (an address makes the network reachable, and it should never be so unfiltered), an address before
 * the route that the kernel makes with it, the
 * bridge's address before containers that use it as gateway, the guard of a link before the link can send, a container's
 * links before its speed is limited on them, which comes before its far end is set up in the sandbox, and all of it before
 * its ports are opened.
 */
const ranks: Readonly<Record<Resource['kind'], number>> = {
  bridge: 0,
  sysctl: 1,
  'network-rules': 2,
  'frame-filter': 2,
  address: 3,
  route: 4,
  'source-guard': 5,
  veth: 6,
  ifb: 6,
  shaping: 7,
  'sandbox-interface': 8,
  'published-port': 9,
  'open-port': 9,
};

/** The resources sorted so that each comes after what it stands on. */
export function inCreationOrder(resources: readonly Resource[]): Resource[] {
  return [...resources].sort((one, other) => ranks[one.kind] - ranks[other.kind]);
}

/** The resources sorted so that each comes before what it stands on. */
export function inDeletionOrder(resources: readonly Resource[]): Resource[] {
  return inCreationOrder(resources).toReversed();
}
