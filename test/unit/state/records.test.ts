import { describe, expect, it } from 'vitest';
import { parseAddress, parseIp } from '../../../src/model/index.ts';
import { State } from '../../../src/state/index.ts';
import {
  bindingOf,
  endpointOf,
  networkOf,
  onDisk,
  openState,
  optionsOf,
  places,
  poolOf,
  temporaryDirectory,
} from './fixtures.ts';

describe('State', () => {
  it('gives back what was written, also to those who open it later', async () => {
    const directory = temporaryDirectory();
    const [network, endpoint, pool] = [networkOf('n1'), endpointOf('n1', 'e1'), poolOf('10.1.0.0/24')];
    const lease = { pool: pool.id, ip: parseIp('10.1.0.2'), kind: 'endpoint', owner: 'e1' } as const;
    {
      using state = openState(directory);
      await state.transact((tx) => {
        tx.putNetwork(network);
        tx.putNetwork(networkOf('n2'));
        tx.putEndpoint(endpoint);
        tx.putEndpoint(endpointOf('n2', 'e2'));
        tx.putPool(pool);
        tx.putLease(lease);
        tx.putPort(bindingOf(8080), { network: network.id, endpoint: endpoint.id });
        expect(tx.network(network.id)).toEqual(network);
      });
    }
    using state = openState(directory);
    state.read((view) => {
      expect(view.network(network.id)).toEqual(network);
      expect(view.networks().map(({ id }) => id)).toEqual(['n1', 'n2']);
      expect(view.endpoint(network.id, endpoint.id)).toEqual(endpoint);
      expect(view.endpoints(network.id)).toEqual([endpoint]);
      expect(view.endpoints()).toHaveLength(2);
      expect(view.addressOwner(network.id, parseIp('10.1.0.2'))).toBe('e1');
      expect([view.pool(pool.id), view.pools()]).toEqual([pool, [pool]]);
      expect([view.lease(pool.id, lease.ip), view.leases(), view.leases(pool.id)]).toEqual([
        lease,
        [lease],
        [lease],
      ]);
      expect(view.portHolders('tcp', bindingOf(8080).hostPort)).toEqual([
        { network: 'n1', endpoint: 'e1', owner: 'endpoint:e1' },
      ]);
      expect(view.portHolders('udp', bindingOf(8080).hostPort)).toEqual([]);
    });
  });

  it('changes nothing if the change throws, and goes on', async () => {
    using state = openState(temporaryDirectory());
    const failing = state.transact((tx) => {
      tx.putNetwork(networkOf('n1'));
      throw new RangeError('no');
    });
    const others = ['n2', 'n3'].map((id) => state.transact((tx) => tx.putNetwork(networkOf(id))));
    await expect(failing).rejects.toThrow(RangeError);
    await Promise.all(others);
    expect(state.read((view) => view.networks().map(({ id }) => id))).toEqual(['n2', 'n3']);
  });

  it('refuses a change that waits for something', async () => {
    using state = openState(temporaryDirectory());
    const waiting = state.transact(async (tx) => {
      tx.putNetwork(networkOf('n1'));
      await Promise.resolve();
    });
    await expect(waiting).rejects.toMatchObject({ kind: 'bug' });
    expect(state.read((view) => view.networks())).toEqual([]);
  });

  it('gives an address of a network to one endpoint only', async () => {
    using state = openState(temporaryDirectory());
    const [first, second] = [endpointOf('n1', 'e1'), endpointOf('n1', 'e2')];
    await state.transact((tx) => tx.putEndpoint(first));
    const taken = state.transact((tx) => tx.putEndpoint(second));
    await expect(taken).rejects.toMatchObject({ kind: 'conflict', subject: 'address 10.1.0.2' });
    await state.transact((tx) => {
      tx.putEndpoint({ ...first, addresses: [parseAddress('10.1.0.3/24')] });
      tx.putEndpoint(second);
      tx.deleteEndpoint(first.network, first.id);
    });
    state.read((view) => {
      expect(view.addressOwner(first.network, parseIp('10.1.0.2'))).toBe('e2');
      expect(view.addressOwner(first.network, parseIp('10.1.0.3'))).toBeUndefined();
    });
  });

  it('gives a host port to one endpoint only, on all addresses or on one', async () => {
    using state = openState(temporaryDirectory());
    const [one, other] = [endpointOf('n1', 'e1', { ports: [bindingOf(80)] }), endpointOf('n1', 'e2')];
    const put = (binding: Parameters<typeof bindingOf>, holder = other) =>
      state.transact((tx) =>
        tx.putPort(bindingOf(...binding), { network: holder.network, endpoint: holder.id }),
      );
    const local = { hostIp: parseIp('127.0.0.1') };
    await state.transact((tx) => {
      tx.putEndpoint(one);
      tx.putEndpoint({ ...other, addresses: [] });
    });
    await put([80], one);
    await expect(put([80])).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('e1'),
    });
    await expect(put([80], one)).rejects.toMatchObject({ kind: 'conflict' });
    await expect(put([80, local])).rejects.toMatchObject({ kind: 'conflict' });
    await put([81, local]);
    await put([81, { hostIp: parseIp('127.0.0.2') }]);
    await put([81, { ...local, protocol: 'udp' }]);
    await expect(put([81])).rejects.toMatchObject({ kind: 'conflict' });
    await state.transact((tx) => tx.deleteEndpoint(one.network, one.id));
    await put([80]);
  });

  it('forgets a pool with its leases and its addresses, and no other', async () => {
    using state = openState(temporaryDirectory());
    const pools = [poolOf('10.1.0.0/24'), poolOf('10.1.0.0/25')] as const;
    await state.transact((tx) => {
      for (const pool of pools) {
        tx.putPool(pool);
        tx.putLease({ pool: pool.id, ip: parseIp('10.1.0.2'), kind: 'gateway' });
        tx.nodes(pool.id).put(0, 0n, new Uint8Array(128).fill(7));
      }
      tx.deletePool(pools[0].id);
      expect(tx.nodes(pools[0].id).get(0, 0n)).toBeUndefined();
      expect([...(tx.nodes(pools[1].id).get(0, 0n) ?? [])]).toEqual(Array.from({ length: 128 }, () => 7));
    });
    expect(state.read((view) => [view.pools(), view.leases().map(({ pool }) => pool)])).toEqual([
      [pools[1]],
      [pools[1].id],
    ]);
  });

  it('remembers which port was chosen last', async () => {
    using state = openState(temporaryDirectory());
    const port = bindingOf(50_000).hostPort;
    await state.transact((tx) => tx.putLastDynamicPort('tcp', port));
    expect(state.read((view) => [view.lastDynamicPort('tcp'), view.lastDynamicPort('udp')])).toEqual([
      port,
      undefined,
    ]);
  });

  it('shows everything as JSON', async () => {
    using state = openState(temporaryDirectory());
    const pool = poolOf('fd00::/64');
    await state.transact((tx) => {
      tx.putPool(pool);
      tx.putEndpoint(endpointOf('n1', 'e1'));
      tx.nodes(pool.id).put(0, 5n, Uint8Array.of(1, 255));
    });
    const dump = JSON.parse(JSON.stringify(state.dump())) as Record<string, unknown>;
    expect(dump).toMatchObject({
      'meta/store': { format: 1, value: { layout: 2, boot: 'boot-1' } },
      'pool/local/fd00::/64': { format: 1, value: pool },
      'endpoint/n1/e1': { format: 1, boot: 'boot-1', value: { id: 'e1' } },
      'address/n1/10.1.0.2': { boot: 'boot-1', value: 'e1' },
      'node/local/fd00::/64/0/5': '01ff',
    });
    expect(dump).toEqual(state.dump());
  });
});

describe.each(places)('State %s, for reading only', (_, place) => {
  const openReader = (directory: string, bootId = 'boot-1') =>
    State.open({ ...optionsOf(directory, bootId, place), readOnly: true });

  it('is empty while there is none, and sees it when it comes', async () => {
    const directory = `${temporaryDirectory()}/state.d`;
    using reader = openReader(directory);
    expect(reader.read((view) => view.networks())).toEqual([]);
    expect(reader.dump()).toEqual({});
    using state = openState(directory, 'boot-1', place);
    await state.transact((tx) => tx.putNetwork(networkOf('n1')));
    expect(reader.read((view) => view.networks())).toHaveLength(1);
  });

  it('does not write', async () => {
    using reader = openReader(temporaryDirectory());
    await expect(reader.transact((tx) => tx.putNetwork(networkOf('n1')))).rejects.toMatchObject({
      kind: 'bug',
    });
  });

  it('leaves room for a writer in the same process, and hides what earlier boots left', async () => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory, 'boot-1', place);
      await state.transact((tx) => {
        tx.putNetwork(networkOf('n1'));
        tx.putEndpoint(endpointOf('n1', 'e1'));
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    using reader = openReader(directory, 'boot-2');
    const question = () => reader.read((view) => [view.networks().length, view.endpoints().length]);
    expect(question()).toEqual([1, 0]);
    // With a boot, memory is empty.
    if (place === onDisk) expect(reader.dump()).toHaveProperty('endpoint/n1/e1');
    using state = openState(directory, 'boot-2', place);
    await state.transact((tx) => tx.putNetwork(networkOf('n2')));
    expect(question()).toEqual([2, 0]);
    expect(reader.dump()).not.toHaveProperty('endpoint/n1/e1');
  });
});
