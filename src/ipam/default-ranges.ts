import { parseSubnet, type IpFamily, type Subnet } from '../model/index.ts';

/** A block of addresses that pools are cut from when nobody names a subnet. */
export interface DefaultRange {
  readonly base: Subnet;
  /** The prefix length of the pools. */
  readonly prefix: number;
}

/**
 * The blocks of each version in the order in which they are used. IPv4 is what container engines use: 172.17.0.0/16 to
 * 172.31.0.0/16, then 192.168.0.0/16, but in pools of 256: with 4096, as theirs, a host ends at 31 networks. IPv6 is a unique local /48 whose global id spells "tsnet"; hosts
 * that talk to each other should pass blocks of their own.
 *
 * Source: RFC 1918 section 3, RFC 4193 section 3.
 */
export const defaultRanges: Readonly<Record<IpFamily, readonly DefaultRange[]>> = {
  4: [
    { base: parseSubnet('172.17.0.0/16'), prefix: 16 },
    { base: parseSubnet('172.18.0.0/15'), prefix: 16 },
    { base: parseSubnet('172.20.0.0/14'), prefix: 16 },
    { base: parseSubnet('172.24.0.0/13'), prefix: 16 },
    { base: parseSubnet('192.168.0.0/16'), prefix: 24 },
  ],
  6: [{ base: parseSubnet('fd74:736e:6574::/48'), prefix: 64 }],
};
