import { describe, expect, it } from 'vitest';
import { requestPool } from '../../../src/ipam/index.ts';
import { parseIp, parseSubnet } from '../../../src/model/index.ts';
import {
  exhaustedSets,
  keepAddressesOf,
  leaseAddresses,
  leasedAddresses,
  releaseAddresses,
  type AddressSource,
} from '../../../src/network/attachment-leases.ts';
import type { Context } from '../../../src/network/context.ts';
import type { State } from '../../../src/state/index.ts';
import { openState, places, temporaryDirectory } from '../state/fixtures.ts';

const source = (subnet: string, first: string, last: string, gateway?: string): AddressSource => ({
  subnet: parseSubnet(subnet),
  first: parseIp(first),
  last: parseIp(last),
  ...(gateway === undefined ? {} : { gateway: parseIp(gateway) }),
});
const net = source('10.1.0.0/24', '10.1.0.1', '10.1.0.254', '10.1.0.1');
const contextOf = (state: State) => ({ state }) as Context;
const lease = (
  state: State,
  owner: string,
  sets = [[net]],
  wanted: readonly string[] = [],
  space = 'cni-net',
) =>
  leaseAddresses(contextOf(state), {
    space: space as 'cni-net',
    owner,
    sets,
    wanted: wanted.map((ip) => parseIp(ip)),
  });
const ips = async (...args: Parameters<typeof lease>) => (await lease(...args)).map(({ address }) => address);

describe.each(places)('addresses of attachments, with records %s', (_, place) => {
  it('end with the boot, and the gateway stays', async () => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory, 'boot-1', place);
      expect(await ips(state, 'a')).toEqual(['10.1.0.2/24']);
      expect(await ips(state, 'b')).toEqual(['10.1.0.3/24']);
      expect(leasedAddresses(contextOf(state), 'b')).toEqual(['10.1.0.3']);
    }
    using state = openState(directory, 'boot-2', place);
    expect(leasedAddresses(contextOf(state), 'b')).toEqual([]);
    expect(await ips(state, 'c', [[net]], ['10.1.0.3'])).toEqual(['10.1.0.3/24']);
    await expect(lease(state, 'd', [[net]], ['10.1.0.1'])).rejects.toMatchObject({ kind: 'conflict' });
  });
});

describe('addresses of attachments', () => {
  it('are given all or none', async () => {
    using state = openState(temporaryDirectory());
    const one = source('10.2.0.0/24', '10.2.0.9', '10.2.0.9');
    expect(await ips(state, 'a', [[net], [one]])).toEqual(['10.1.0.2/24', '10.2.0.9/24']);
    await expect(lease(state, 'b', [[net], [one]])).rejects.toMatchObject({ kind: 'exhausted' });
    expect(leasedAddresses(contextOf(state), 'b')).toEqual([]);
    expect(await exhaustedSets(contextOf(state), 'cni-net', [[net], [one]])).toHaveLength(1);
    expect(await exhaustedSets(contextOf(state), 'cni-net', [[one, net]])).toEqual([]);
  });

  it('stay with some owners, with endpoints that took them, and in other networks', async () => {
    using state = openState(temporaryDirectory());
    for (const owner of ['a', 'b', 'endpoint:c']) await lease(state, owner);
    await lease(state, 'd', [[net]], [], 'cni-other');
    await keepAddressesOf(contextOf(state), 'cni-net', new Set(['a']));
    const left = ['a', 'b', 'endpoint:c', 'd'].map(
      (owner) => leasedAddresses(contextOf(state), owner).length,
    );
    expect(left).toEqual([1, 0, 1, 1]);
  });

  it('are found by who has them, and given back as often as asked', async () => {
    using state = openState(temporaryDirectory());
    await lease(state, 'a');
    await expect(lease(state, 'a')).rejects.toMatchObject({ kind: 'conflict' });
    for (const _ of [1, 2]) await releaseAddresses(contextOf(state), 'a');
    expect(Object.keys(state.dump()).filter((key) => key.startsWith('lease-of/'))).toEqual([]);
    expect(await ips(state, 'a')).toEqual(['10.1.0.3/24']);
  });

  it('belong to one network each; chosen pools of engines avoid them all', async () => {
    using state = openState(temporaryDirectory());
    const common = source('172.17.0.0/16', '172.17.0.1', '172.17.255.254', '172.17.0.1');
    expect(await ips(state, 'a', [[common]])).toEqual(await ips(state, 'b', [[common]], [], 'cni-other'));
    const pools = state.read((view) => view.pools());
    expect(requestPool(pools, [], { space: 'local' }).subnet).toBe('172.18.0.0/16');
  });

  it('stay with their attachments when the gateway or the size of the subnet changes', async () => {
    using state = openState(temporaryDirectory());
    await lease(state, 'a');
    const larger = source('10.1.0.0/16', '10.1.0.1', '10.1.255.254', '10.1.255.254');
    expect(await ips(state, 'b', [[larger]], ['10.1.0.1'])).toEqual(['10.1.0.1/16']);
    await expect(lease(state, 'c', [[larger]], ['10.1.0.2'])).rejects.toMatchObject({ kind: 'conflict' });
    expect(leasedAddresses(contextOf(state), 'a')).toEqual(['10.1.0.2']);
    const taken = source('10.1.0.0/16', '10.1.0.1', '10.1.255.254', '10.1.0.2');
    await expect(lease(state, 'c', [[taken]])).rejects.toMatchObject({ kind: 'conflict' });
  });
});
