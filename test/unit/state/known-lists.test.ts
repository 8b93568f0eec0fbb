import { describe, expect, it } from 'vitest';
import { networkOf, openState, temporaryDirectory } from './fixtures.ts';

const idsOf = (state: ReturnType<typeof openState>) =>
  state.read((view) => view.networks().map(({ id }) => id as string));

describe('lists that are kept', () => {
  it('follow what another process wrote, however often each was asked before', async () => {
    const directory = temporaryDirectory();
    using one = openState(directory);
    using other = openState(directory);
    for (const id of ['n3', 'n1', 'n2']) {
      await one.transact((tx) => tx.putNetwork(networkOf(id)));
      expect(idsOf(other)).toEqual(idsOf(one));
      await other.transact((tx) => tx.putNetwork(networkOf(`${id}-other`)));
      expect(idsOf(one)).toEqual(idsOf(other));
    }
    expect(idsOf(one)).toEqual(['n1', 'n1-other', 'n2', 'n2-other', 'n3', 'n3-other']);
  });

  it('show a transaction what it wrote itself, and nobody what was taken back', async () => {
    using state = openState(temporaryDirectory());
    await state.transact((tx) => tx.putNetwork(networkOf('n1')));
    expect(idsOf(state)).toEqual(['n1']);
    const failing = state.transact((tx) => {
      tx.putNetwork(networkOf('n2'));
      tx.deleteNetwork(networkOf('n1').id);
      expect(tx.networks().map(({ id }) => id)).toEqual(['n2']);
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(idsOf(state)).toEqual(['n1']);
  });

  it('follow each of several changes that share a commit, one of which fails', async () => {
    using state = openState(temporaryDirectory());
    expect(idsOf(state)).toEqual([]);
    const changes = await Promise.allSettled([
      state.transact((tx) => tx.putNetwork(networkOf('n2'))),
      state.transact((tx) => {
        tx.putNetwork(networkOf('lost'));
        throw new RangeError('no');
      }),
      state.transact((tx) => tx.putNetwork(networkOf('n1'))),
    ]);
    expect(changes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(idsOf(state)).toEqual(['n1', 'n2']);
    await state.transact((tx) => tx.putNetwork({ ...networkOf('n1'), name: 'renamed' }));
    expect(state.read((view) => view.networks().map(({ name }) => name))).toContain('renamed');
  });
});
