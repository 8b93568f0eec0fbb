import { parseIp, parseSubnet, type NetworkSubnet } from '../../src/model/index.ts';
import type { NetworkRequest } from '../../src/network/index.ts';

/** 10.1.0.0/24 with its first address as gateway. */
export const subnet4: NetworkSubnet = { subnet: parseSubnet('10.1.0.0/24'), gateway: parseIp('10.1.0.1') };

/** fd00:1::/64 with its first address as gateway. */
export const subnet6: NetworkSubnet = { subnet: parseSubnet('fd00:1::/64'), gateway: parseIp('fd00:1::1') };

/** A network of Docker's with `subnet4` and nothing special, but for what is said otherwise. */
export function plainNetwork(request: Pick<NetworkRequest, 'id'> & Partial<NetworkRequest>): NetworkRequest {
  return {
    origin: 'docker',
    subnets: [subnet4],
    pools: [],
    reserved: [],
    isInternal: false,
    allowsIcc: true,
    masquerades: true,
    options: {},
    ...request,
  };
}
