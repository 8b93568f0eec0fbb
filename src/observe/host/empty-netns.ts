import type { NetnsId, NetnsView } from './snapshot.ts';

/** A namespace of which nothing was read, or in which nothing is. */
export function emptyNetns(id: NetnsId): NetnsView {
  return {
    id,
    paths: [],
    processes: [],
    nsids: [],
    links: [],
    addresses: [],
    routes: [],
    policyRules: [],
    neighbours: [],
    forwarding: [],
    sockets: [],
    sysctls: {},
  };
}
