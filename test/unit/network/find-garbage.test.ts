import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress, parseIp, type Endpoint, type Network } from '../../../src/model/index.ts';
import type { EngineUse } from '../../../src/model/index.ts';
import { findGarbage, formatGarbage } from '../../../src/network/find-garbage.ts';
import type { State } from '../../../src/state/index.ts';
import { endpointOf, networkOf, openState, poolOf, temporaryDirectory } from '../state/fixtures.ts';

const engine = 'ENGINE /var/lib/docker';
const now = 1_000_000;
const rules = { nowSeconds: now, leastAgeSeconds: 30 };
const nothing: EngineUse = {
  engine,
  networks: new Set(),
  endpoints: new Set(),
  addresses: new Set(),
  subnets: new Set(),
};

describe('findGarbage', () => {
  let state: State;
  beforeEach(() => {
    state = openState(temporaryDirectory());
  });
  afterEach(() => state[Symbol.dispose]());

  const find = (use: Partial<EngineUse>) =>
    state
      .read((view) => findGarbage(view, { ...nothing, ...use }, rules))
      .map((one) => formatGarbage(one).split(':')[0]);

  async function record(network: Partial<Network>, endpoint?: Partial<Endpoint>): Promise<void> {
    await state.transact((tx) => {
      tx.putNetwork(networkOf('n1', network));
      if (endpoint !== undefined) tx.putEndpoint(endpointOf('n1', 'e1', endpoint));
    });
  }

  it('takes the word of the engine that was seen to have a network, and of no other', async () => {
    await record({ engine });
    expect(find({})).toEqual(['network n1 (br-n1)']);
    expect(find({ networks: new Set([networkOf('n1').id]) })).toEqual([]);
    expect(find({ engine: 'OTHER /var/lib/docker' })).toEqual([]);
    await record({});
    expect(find({})).toEqual([]);
    await record({ engine, origin: 'cli' });
    expect(find({})).toEqual([]);
  });

  it('leaves alone what is young, and a network with a young endpoint', async () => {
    await record({ engine, createdAt: now - 29 });
    expect(find({})).toEqual([]);
    await record({ engine, createdAt: now - 30 });
    expect(find({})).toEqual(['network n1 (br-n1)']);
    await record({ engine }, { createdAt: now - 5 });
    expect(find({})).toEqual([]);
    expect(find({ networks: new Set([networkOf('n1').id]) })).toEqual([]);
  });

  it('finds endpoints that an engine with their network does not have', async () => {
    await record({}, {});
    const networks = new Set([networkOf('n1').id]);
    expect(find({ networks })).toEqual(['endpoint e1 (10.1.0.2/24)']);
    expect(find({ networks, endpoints: new Set([endpointOf('n1', 'e1').id]) })).toEqual([]);
    expect(find({})).toEqual([]);
  });

  it('finds pools that nobody uses, and is careful with those of unknown origin', async () => {
    const pool = poolOf('10.1.0.0/24');
    const use = { subnets: new Set([pool.subnet]) };
    await state.transact((tx) => tx.putPool(pool));
    expect(find({})).toEqual([`pool ${pool.id}`]);
    expect(find(use)).toEqual([]);
    await state.transact((tx) => tx.putLease({ pool: pool.id, ip: parseIp('10.1.0.1'), kind: 'gateway' }));
    expect(find({})).toEqual([]);
    await state.transact((tx) => tx.putPool({ ...pool, engine }));
    expect(find({})).toEqual([`pool ${pool.id}`]);
    await record({ pools: [pool.id] });
    expect(find({})).toEqual([]);
  });

  it('finds addresses that no container has, but none that was reserved or is new', async () => {
    const pool = { ...poolOf('10.1.0.0/24'), engine };
    const lease = { pool: pool.id, ip: parseIp('10.1.0.2'), kind: 'endpoint' } as const;
    await state.transact((tx) => {
      tx.putPool(pool);
      tx.putLease({ pool: pool.id, ip: parseIp('10.1.0.1'), kind: 'gateway' });
      tx.putLease({ pool: pool.id, ip: parseIp('10.1.0.3'), kind: 'auxiliary' });
      tx.putLease({ ...lease, ip: parseIp('10.1.0.4'), createdAt: now - 3 });
      tx.putLease(lease);
    });
    const use = { subnets: new Set([pool.subnet]) };
    expect(find(use)).toEqual([`address 10.1.0.2 of pool ${pool.id}`]);
    expect(find({ ...use, addresses: new Set([lease.ip]) })).toEqual([]);
    await record({ pools: [pool.id] }, { addresses: [parseAddress('10.1.0.2/24')], createdAt: now });
    expect(find({ ...use, networks: new Set([networkOf('n1').id]) })).toEqual([]);
  });
});
