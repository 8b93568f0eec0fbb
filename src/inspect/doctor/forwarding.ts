import { fact, found } from '../port/hop.ts';
import { forwards } from '../port/scene.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** A host with bridged networks has to hand on packets. */
export const forwarding: Check = {
  name: 'forwarding',
  find: (scene) => {
    const needing = bridgedNetworks(scene).filter(({ isInternal }) => !isInternal);
    const isNeeded = needing.some(({ subnets }) => subnets.some(({ subnet }) => !subnet.includes(':')));
    if (!isNeeded || forwards(scene.host, 4) !== false) return [];
    return [
      found('forwarding.off', {
        subject: 'host',
        message: `the host does not forward packets: net.ipv4.ip_forward=0; ${needing.length} networks have no way in or out`,
        evidence: [fact('sysctl', 'net.ipv4.ip_forward', '0')],
        fix: ['sysctl -w net.ipv4.ip_forward=1'],
        hint: 'put it into a file in /etc/sysctl.d as well, and look which file there sets it to 0',
      }),
    ];
  },
};
