import { parseIfName, parseIp, type NetworkRules } from '../../../src/model/index.ts';
import { network } from '../../kernel/firewall/resources.ts';

export { network, openPort, port } from '../../kernel/firewall/resources.ts';

/** A network with every way out and in that there is beside the plain ones. */
export function withEveryWay(bridge: string): NetworkRules {
  return {
    ...network(bridge, ['10.3.0.0/24', 'fd00:3::/64']),
    allowsIcc: false,
    routed: [6],
    unprotected: [4],
    hostSources: [parseIp('192.0.2.1')],
    trustedInterfaces: [parseIfName('eth1'), parseIfName('wg0')],
  };
}
