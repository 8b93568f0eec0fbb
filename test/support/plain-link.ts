import type { LinkView } from '../../src/observe/host/snapshot.ts';

/** A link that is up, belongs to nothing and leads nowhere, and what differs. */
export function plainLink(facts: Partial<LinkView> & Pick<LinkView, 'index' | 'name'>): LinkView {
  return {
    kind: undefined,
    flags: 1,
    isUp: true,
    isRunning: true,
    mtu: 1500,
    mac: undefined,
    alias: undefined,
    masterIndex: undefined,
    peerIndex: undefined,
    peerNsid: undefined,
    group: 0,
    operState: 'up',
    bridge: undefined,
    bridgePort: undefined,
    ...facts,
  };
}
