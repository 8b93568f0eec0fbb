import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { allocate } from '../../../src/ipam/index.ts';
import { parseIp } from '../../../src/model/index.ts';
import { State } from '../../../src/state/index.ts';
import { Store } from '../../../src/state/store.ts';
import { readStoreRecord, writeStoreRecord } from '../../../src/state/store-record.ts';
import {
  endpointOf,
  inMemory,
  networkOf,
  onDisk,
  openState,
  optionsOf,
  poolOf,
  temporaryDirectory,
} from './fixtures.ts';
import { compileWriter, start } from './programs.ts';

let program: string;
beforeAll(async () => {
  program = await compileWriter();
});

const pool = poolOf('10.1.0.0/29');

/** Writes a network, an endpoint, and a pool with the leases .1 of its gateway and .2 of the endpoint. */
async function fill(state: State): Promise<void> {
  await state.transact((tx) => {
    tx.putNetwork(networkOf('old'));
    tx.putEndpoint(endpointOf('old', 'e1'));
    tx.putPool(pool);
    tx.putLease({
      pool: pool.id,
      kind: 'gateway',
      ip: allocate(pool, tx.nodes(pool.id), { kind: 'gateway' }).ip,
    });
    const { ip, pool: moved } = allocate(pool, tx.nodes(pool.id), {
      kind: 'endpoint',
      address: parseIp('10.1.0.2'),
    });
    tx.putPool(moved);
    tx.putLease({ pool: pool.id, kind: 'endpoint', ip });
  });
}

/** Networks, endpoints and leases, after a check that exactly the leased addresses are taken. */
async function contentOf(state: State): Promise<readonly (readonly string[])[]> {
  const content = state.read((view) => [
    view.networks().map(({ id }) => String(id)),
    view.endpoints().map(({ id }) => String(id)),
    view.leases().map(({ ip }) => String(ip)),
  ]);
  const free = new Error('as it was');
  const probing = state.transact((tx) => {
    for (const last of [1, 2, 3, 4, 5, 6]) {
      const take = () =>
        allocate(pool, tx.nodes(pool.id), { kind: 'endpoint', address: parseIp(`10.1.0.${last}`) });
      if (content[2]?.includes(`10.1.0.${last}`) === true) expect(take).toThrow(/is taken|has it|in use/);
      else take();
    }
    throw free;
  });
  await expect(probing).rejects.toBe(free);
  return content;
}

const whole = [['old'], ['e1'], ['10.1.0.1', '10.1.0.2']];
const afterBoot = [['old'], [], ['10.1.0.1']];

/** A state as layout 1 had it: everything on the disk. */
async function oldLayout(): Promise<string> {
  const directory = temporaryDirectory();
  using state = openState(directory, 'boot-1', onDisk);
  await fill(state);
  const store = Store.open(directory, { isReadOnly: false, isVolatile: false });
  await store.transact((writer) => writeStoreRecord(writer, { layout: 1, boot: 'boot-1' }));
  store.close();
  return directory;
}

function kindsOnDisk(directory: string): string[] {
  const disk = Store.open(directory, { isReadOnly: true, isVolatile: false });
  try {
    return [...new Set(disk.read((reader) => reader.list([]).map(({ key }) => key[0])))];
  } finally {
    disk.close();
  }
}

describe('a working store', () => {
  it('leaves to the disk what outlives the boot, and does not touch it otherwise', async () => {
    const directory = temporaryDirectory();
    using state = openState(directory);
    await fill(state);
    expect(kindsOnDisk(directory)).toEqual(['lease', 'meta', 'network', 'pool']);
    const written = statSync(`${directory}/data.mdb`).mtimeMs;
    await state.transact((tx) => tx.putEndpoint(endpointOf('old', 'e1', { createdAt: 2 })));
    const { undo } = await state.transactUndoable((tx) => {
      tx.deleteEndpoint(networkOf('old').id, endpointOf('old', 'e1').id);
      tx.putLastDynamicPort('tcp', 50_000 as never);
    });
    await state.undo(undo);
    expect(statSync(`${directory}/data.mdb`).mtimeMs).toBe(written);
    await state.transact((tx) => tx.deleteNetwork(networkOf('old').id));
    expect(kindsOnDisk(directory)).toEqual(['lease', 'meta', 'pool']);
  });

  it('is for its owner only', async () => {
    const directory = temporaryDirectory();
    using _ = openState(directory);
    const { place } = await placesOf(directory);
    expect(statSync(inMemory(directory)).mode & 0o777).toBe(0o700);
    expect(statSync(place).mode & 0o777).toBe(0o700);
    for (const file of ['data.mdb', 'lock.mdb'])
      expect(statSync(`${place}/${file}`).mode & 0o777).toBe(0o600);
  });

  it('is begun from all of the layout before, and from what outlives a boot after one', async () => {
    const directory = await oldLayout();
    {
      using state = openState(directory);
      expect(await contentOf(state)).toEqual(whole);
      expect(kindsOnDisk(directory)).toEqual(['lease', 'meta', 'network', 'pool']);
    }
    using state = openState(directory, 'boot-2');
    expect(await contentOf(state)).toEqual(afterBoot);
  });

  it('of a directory that is not in memory is the disk itself', async () => {
    const directory = temporaryDirectory();
    using state = State.open({ directory, bootId: 'boot-1', runDirectory: `${directory}/run` });
    await fill(state);
    expect(kindsOnDisk(directory)).toContain('endpoint');
    using other = openState(directory);
    expect(await contentOf(other)).toEqual(whole);
    expect(kindsOnDisk(directory)).toContain('endpoint');
  });

  it('is the same for all, whatever their run directory', async () => {
    const directory = temporaryDirectory();
    using first = openState(directory);
    await fill(first);
    const elsewhere = () => `${inMemory(directory)}/elsewhere`;
    using second = openState(directory, 'boot-1', elsewhere);
    using third = openState(directory, 'boot-1', onDisk);
    using reader = State.open({ ...optionsOf(directory, 'boot-1', onDisk), readOnly: true });
    for (const state of [second, third]) expect(await contentOf(state)).toEqual(whole);
    await second.transact((tx) => tx.deleteEndpoint(networkOf('old').id, endpointOf('old', 'e1').id));
    for (const state of [first, third, reader]) {
      expect(state.read((view) => view.endpoints())).toEqual([]);
    }
    expect(existsSync(elsewhere())).toBe(false);
  });

  it('is found by who knows its run directory by another name', async () => {
    const directory = temporaryDirectory();
    const moved = () => `${inMemory(directory)}/moved`;
    const first = () => `${inMemory(directory)}/first`;
    {
      using state = openState(directory, 'boot-1', first);
      await fill(state);
    }
    renameSync(first(), moved());
    using state = openState(directory, 'boot-1', moved);
    expect(await contentOf(state)).toEqual(whole);
  });

  it.each([
    ['the same place', inMemory],
    ['the disk', onDisk],
  ])('that is lost within the boot is begun anew on %s, also for those who had it open', async (_, place) => {
    const directory = temporaryDirectory();
    using before = openState(directory);
    using reader = State.open({ ...optionsOf(directory), readOnly: true });
    await fill(before);
    rmSync(inMemory(directory), { recursive: true });
    using after = openState(directory, 'boot-1', place);
    expect(await contentOf(after)).toEqual(afterBoot);
    expect(await contentOf(before)).toEqual(afterBoot);
    await before.transact((tx) => tx.putEndpoint(endpointOf('old', 'e2')));
    for (const state of [after, reader]) {
      expect(state.read((view) => view.endpoints().map(({ id }) => id))).toEqual(['e2']);
    }
  });

  it('is seen by a reader that came first', async () => {
    const directory = await oldLayout();
    using reader = State.open({ ...optionsOf(directory), readOnly: true });
    expect(reader.read((view) => view.endpoints())).toHaveLength(1);
    using state = openState(directory);
    await state.transact((tx) => tx.putEndpoint(endpointOf('other', 'e2')));
    expect(reader.read((view) => view.endpoints())).toHaveLength(2);
  });

  it('is removed with the state', async () => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory);
      await fill(state);
    }
    const { place } = await placesOf(directory);
    State.remove(directory, '/dev/shm/no-such-directory');
    expect([existsSync(place), existsSync(`${directory}/data.mdb`)]).toEqual([false, false]);
    using state = openState(directory);
    expect(state.read((view) => view.networks())).toEqual([]);
  });
});

describe('a working store and kill -9', () => {
  // The commits of who opens an old state and writes one network: the disk names the working store, that is filled, the
  // disk drops what the boot ends, so does the working store; then one commit of the disk for the network.
  it.each([1, 2, 3, 4, 5])('after commit %i loses nothing and keeps nothing half', async (commit) => {
    const directory = await oldLayout();
    const writer = start(program, 'create-networks', directory, inMemory(directory), '1', String(commit));
    await writer.ended;
    expect([writer.process.signalCode, writer.lines]).toEqual(['SIGKILL', []]);
    {
      using state = openState(directory);
      expect(await contentOf(state)).toEqual(whole);
      expect(kindsOnDisk(directory)).toEqual(['lease', 'meta', 'network', 'pool']);
    }
    using state = openState(directory, 'boot-2');
    expect(await contentOf(state)).toEqual(afterBoot);
  });

  it('between the commits is healed by whoever writes next', async () => {
    const directory = temporaryDirectory();
    using state = openState(directory);
    await fill(state);
    const writer = start(program, 'create-networks', directory, inMemory(directory), '1', '1');
    await writer.ended;
    const disk = Store.open(directory, { isReadOnly: true, isVolatile: false });
    const networks = () => disk.read((reader) => reader.list(['network']).length);
    expect([networks(), state.read((view) => view.networks().length)]).toEqual([2, 1]);
    await state.transact((tx) => tx.putEndpoint(endpointOf('old', 'e1', { createdAt: 3 })));
    expect(networks()).toBe(1);
    disk.close();
  });

  it('leaves disk and memory alike, with several processes', async () => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory);
      await fill(state);
    }
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round++) {
      const writers = [1, 2, 3].map(() =>
        start(program, 'create-networks', directory, inMemory(directory), '100000'),
      );
      await Promise.all(writers.map(({ said }) => said(1)));
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 40));
      for (const writer of writers) writer.process.kill('SIGKILL');
      await Promise.all(writers.map(({ ended }) => ended));
      acknowledged.push(...writers.flatMap(({ lines }) => lines));
    }
    const networks = (state: State) => state.read((view) => view.networks().map(({ id }) => id));
    const inMemoryNow = (() => {
      using state = openState(directory);
      return networks(state);
    })();
    expect(inMemoryNow).toEqual(expect.arrayContaining(acknowledged));
    expect(acknowledged.length).toBeGreaterThan(12);
    using state = openState(directory, 'boot-2');
    expect(networks(state)).toEqual(inMemoryNow);
  }, 30_000);
});

async function placesOf(directory: string): Promise<{ place: string }> {
  const disk = Store.open(directory, { isReadOnly: true, isVolatile: false });
  try {
    return { place: disk.read(readStoreRecord)?.pair?.directory ?? '' };
  } finally {
    disk.close();
  }
}
