import { beforeAll, describe, expect, it } from 'vitest';
import { addressAt, offsetOf } from '../../../src/ipam/pool.ts';
import { isTaken } from '../../../src/ipam/address-tree.ts';
import { allocate, type LeaseKind, type Pool } from '../../../src/ipam/index.ts';
import { parseIp } from '../../../src/model/index.ts';
import type { State, StateTransaction } from '../../../src/state/index.ts';
import {
  bindingOf,
  endpointOf,
  networkOf,
  openState,
  places,
  poolOf,
  temporaryDirectory,
  type Place,
} from './fixtures.ts';
import { compileWriter, start } from './programs.ts';

let program: string;
beforeAll(async () => {
  program = await compileWriter();
});

const pool: Pool = poolOf('10.0.0.0/8');

/** All records but those about the store itself. */
function decisionsOf(state: State): unknown {
  return Object.entries(state.dump()).filter(([key]) => !key.startsWith('meta/'));
}

async function stateWithPool(place: Place): Promise<string> {
  const directory = temporaryDirectory();
  using state = openState(directory, 'boot-1', place);
  await state.transact((tx) => tx.putPool(pool));
  return directory;
}

function allocateAs(tx: StateTransaction, from: Pool, address: string, kind: LeaseKind): void {
  const { ip } = allocate(from, tx.nodes(from.id), { kind, address: parseIp(address) });
  tx.putLease({ pool: from.id, ip, kind });
}

/** The leases, after a check that the address tree says the same. */
async function leasesOf(state: State): Promise<string[]> {
  return state.transact((tx) => {
    const leases = tx.leases(pool.id).map(({ ip }) => ip);
    const nodes = tx.nodes(pool.id);
    for (const ip of leases) expect(isTaken(nodes, offsetOf(pool, ip))).toBe(true);
    let taken = 0;
    for (let offset = 0n; offset < 65_536n; offset++) if (isTaken(nodes, offset)) taken += 1;
    expect(taken).toBe(leases.length);
    expect(tx.pool(pool.id)?.last).toBe(
      leases.length === 0 ? undefined : addressAt(pool, BigInt(leases.length)),
    );
    return leases;
  });
}

describe.each(places)('State %s, between processes', (_, place) => {
  it('loses nothing that was acknowledged when writers are killed, and nothing is half done', async () => {
    const directory = await stateWithPool(place);
    const acknowledged: string[] = [];
    for (let round = 0; round < 6; round++) {
      const writers = ['allocate', 'allocate'].map((what) =>
        start(program, what, directory, place(directory), '100000'),
      );
      await Promise.all(writers.map(({ said }) => said(1)));
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60));
      for (const writer of writers) writer.process.kill('SIGKILL');
      await Promise.all(writers.map(({ ended }) => ended));
      for (const { lines } of writers) acknowledged.push(...lines);
    }
    using state = openState(directory, 'boot-1', place);
    const leases = await leasesOf(state);
    const twice = acknowledged.filter((ip, index) => acknowledged.indexOf(ip) !== index);
    expect(twice).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(12);
    expect(leases).toEqual(expect.arrayContaining(acknowledged));
    // Each of the killed may have had one more on the disk than it could say.
    expect(leases.length - acknowledged.length).toBeLessThanOrEqual(12);
  }, 30_000);

  it('gives every address once', async () => {
    const directory = await stateWithPool(place);
    const writers = ['allocate', 'allocate-together', 'allocate', 'allocate-together'].map((what) =>
      start(program, what, directory, place(directory), '50'),
    );
    await Promise.all(writers.map(({ ended }) => ended));
    const all = writers.flatMap(({ lines }) => lines);
    expect([all.length, new Set(all).size]).toEqual([200, 200]);
    using state = openState(directory, 'boot-1', place);
    expect(await leasesOf(state)).toHaveLength(200);
  }, 30_000);

  it('knows interrupted operations from those in progress, and takes them back', async () => {
    const directory = temporaryDirectory();
    using state = openState(directory, 'boot-1', place);
    const [network, binding] = [networkOf('old'), bindingOf(8080)];
    const endpoint = endpointOf('old', 'e1', { ports: [binding] });
    await state.transact((tx) => {
      tx.putNetwork(network);
      tx.putEndpoint(endpoint);
      tx.putPort(binding, { network: network.id, endpoint: endpoint.id });
    });
    const before = decisionsOf(state);
    const writer = start(program, 'interrupt', directory, place(directory));
    await writer.said(1);
    expect(state.unfinished()).toEqual([]);
    expect(state.read((view) => [view.networks().length, view.endpoints().length])).toEqual([2, 0]);
    writer.process.kill('SIGKILL');
    await writer.ended;
    const unfinished = state.unfinished();
    expect(unfinished.map(({ journal }) => journal)).toEqual(writer.lines);
    for (const { journal } of unfinished) await state.undo(journal);
    expect(decisionsOf(state)).toEqual(before);
    expect(state.unfinished()).toEqual([]);
    expect(state.read((view) => view.portHolders('tcp', binding.hostPort))).toHaveLength(1);
  });
});

describe('transactUndoable', () => {
  it('can be settled or undone, once', async () => {
    using state = openState(temporaryDirectory());
    const first = await state.transactUndoable((tx) => tx.putNetwork(networkOf('n1')));
    await state.settle(first.undo);
    await state.undo(first.undo);
    expect(state.read((view) => view.networks())).toHaveLength(1);
    const { result, undo } = await state.transactUndoable((tx) => {
      tx.deleteNetwork(networkOf('n1').id);
      tx.putNetwork(networkOf('n2'));
      return 'done';
    });
    expect([result, state.unfinished()]).toEqual(['done', []]);
    await state.undo(undo);
    await state.undo(undo);
    expect(state.read((view) => view.networks().map(({ id }) => id))).toEqual(['n1']);
    expect(Object.keys(state.dump()).filter((key) => key.includes('journal/'))).toEqual([]);
  });

  it('is settled some time without hurry, whatever becomes of the change it is settled with', async () => {
    using state = openState(temporaryDirectory());
    const { undo } = await state.transactUndoable((tx) => tx.putNetwork(networkOf('n1')));
    const settled = state.settleUnhurried(undo);
    const failing = state.transact(() => {
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    await settled;
    await state.undo(undo);
    expect(state.read((view) => view.networks())).toHaveLength(1);
  });

  it('leaves no journal when it throws', async () => {
    using state = openState(temporaryDirectory());
    const failing = state.transactUndoable((tx) => {
      tx.putNetwork(networkOf('n1'));
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(Object.keys(state.dump())).toEqual(['meta/lost', 'meta/store']);
  });
});

describe.each(places)('another boot %s', (_, place) => {
  it('drops endpoints, their addresses and ports, and keeps what a network owns', async () => {
    const directory = temporaryDirectory();
    const [small, network] = [poolOf('10.1.0.0/29'), networkOf('n1')];
    {
      using state = openState(directory, 'boot-1', place);
      await state.transact((tx) => {
        tx.putNetwork(network);
        tx.putEndpoint(endpointOf('n1', 'e1'));
        tx.putPort(bindingOf(8080), { network: network.id, endpoint: endpointOf('n1', 'e1').id });
        tx.putPool(small);
        for (const [ip, kind] of [
          ['10.1.0.1', 'gateway'],
          ['10.1.0.2', 'endpoint'],
          ['10.1.0.3', 'auxiliary'],
          ['10.1.0.4', 'endpoint'],
        ] as const) {
          allocateAs(tx, small, ip, kind);
        }
      });
    }
    using state = openState(directory, 'boot-2', place);
    expect(Object.keys(state.dump()).sort()).toEqual([
      'lease/local/10.1.0.0/29/10.1.0.1',
      'lease/local/10.1.0.0/29/10.1.0.3',
      'meta/lists',
      'meta/store',
      'network/n1',
      'node/local/10.1.0.0/29/0/0',
      'pool/local/10.1.0.0/29',
    ]);
    await state.transact((tx) => {
      for (const ip of ['10.1.0.2', '10.1.0.4']) allocateAs(tx, small, ip, 'endpoint');
      for (const ip of ['10.1.0.1', '10.1.0.3']) {
        expect(() => allocateAs(tx, small, ip, 'endpoint')).toThrow(
          expect.objectContaining({ kind: 'conflict' }),
        );
      }
    });
  });

  it('takes back an interrupted operation without what ended with its boot', async () => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory, 'boot-1', place);
      await state.transact((tx) => tx.putEndpoint(endpointOf('n1', 'e1')));
      await state.transactUndoable((tx) => {
        tx.deleteEndpoint(endpointOf('n1', 'e1').network, endpointOf('n1', 'e1').id);
        tx.putNetwork(networkOf('n1'));
      });
      expect(state.unfinished()).toEqual([]);
    }
    using state = openState(directory, 'boot-2', place);
    const unfinished = state.unfinished();
    expect(unfinished).toHaveLength(1);
    for (const { journal } of unfinished) await state.undo(journal);
    expect(Object.keys(state.dump())).toEqual(['meta/lists', 'meta/store']);
  });
});
