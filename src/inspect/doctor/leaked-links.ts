import { fact, found } from '../port/hop.ts';
import { bridgeOf, containersIn, relationsOf } from '../port/lookup.ts';
import { shellWord } from '../port/shell-word.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** Ports of engines' bridges whose other end is in no container any more. */
export const leakedLinks: Check = {
  name: 'leaked links',
  find: (scene) => {
    const { inspection, host } = scene;
    const relations = relationsOf(inspection);
    return bridgedNetworks(scene).flatMap((network) => {
      const bridge = bridgeOf(inspection, network);
      const ports = bridge === undefined ? [] : relations.portsOf({ netns: host, link: bridge });
      return ports.flatMap((port) => {
        const peer = relations.peerOf(port);
        if (peer === undefined) return [];
        const isUsed = peer.netns.processes.length > 0 || containersIn(inspection, peer.netns.id).length > 0;
        const isOnHost = peer.netns === host && /^(?:veth|tsc-)/.test(peer.link.name);
        if (isUsed && !isOnHost) return [];
        return [
          found('link.leaked', {
            severity: 'warning',
            // An engine moves the other end only after it has made both.
            isCertain: !isOnHost,
            subject: `link ${port.link.name}`,
            message: `${port.link.name} at ${bridge?.name ?? ''} (network ${network.name}) leads to no container: its other end ${peer.link.name} is ${isOnHost ? 'on the host' : `in ${peer.netns.paths[0] ?? peer.netns.id}, where nothing runs`}`,
            evidence: [
              fact(
                'rtnetlink',
                `${host.id} link ${port.link.name}`,
                `peer ${peer.netns.id} ${peer.link.name}`,
              ),
            ],
            fix: [`ip link del ${shellWord(port.link.name)}`],
          }),
        ];
      });
    });
  },
};
