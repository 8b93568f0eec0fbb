import { statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  currentFormat,
  decodeEnvelope,
  encodeEnvelope,
  encodeRecord,
  valueOf,
} from '../../../src/state/records.ts';
import { Store } from '../../../src/state/store.ts';
import { networkOf, onDisk, openState, temporaryDirectory } from './fixtures.ts';

/** As it was written before journals told what an operation wrote. */
const journalOfFormat1 = {
  process: { pid: 2 ** 30, startTime: '1' },
  boot: 'boot-1',
  images: [{ key: ['network', 'n1'], before: null }],
};

describe('record format', () => {
  it('keeps value and boot', () => {
    const bytes = encodeRecord(['lease', 'p'], { ip: '10.1.0.1' }, 'boot-1');
    expect(decodeEnvelope(bytes)).toEqual({ format: 1, boot: 'boot-1', value: { ip: '10.1.0.1' } });
  });

  it.each([
    'network',
    'endpoint',
    'address',
    'port',
    'pool',
    'lease',
    'sandbox',
    'journal',
    'boot-journal',
    'meta',
  ])('has one fixture for every format of a %s before the present one', (kind) => {
    // A new format needs its predecessor here, as it was written, and what becomes of it.
    const fixtures: Readonly<Record<string, readonly { readonly old: unknown; readonly now: unknown }[]>> = {
      journal: [{ old: journalOfFormat1, now: journalOfFormat1 }],
      'boot-journal': [{ old: journalOfFormat1, now: journalOfFormat1 }],
    };
    const known = fixtures[kind] ?? [];
    expect(known).toHaveLength(currentFormat(kind) - 1);
    for (const [index, { old, now }] of known.entries()) {
      expect(valueOf([kind], { format: index + 1, value: old })).toEqual(now);
    }
  });

  it('of a journal of before is still undone', async () => {
    const directory = temporaryDirectory();
    using state = openState(directory, 'boot-1', onDisk);
    await state.transact((tx) => tx.putNetwork(networkOf('n1')));
    const store = Store.open(directory, { isReadOnly: false, isVolatile: false });
    await store.transact((writer) =>
      writer.put(['journal', '0-old-1'], encodeEnvelope({ format: 1, value: journalOfFormat1 })),
    );
    store.close();
    const [interrupted] = state.unfinished();
    expect(interrupted).toMatchObject({ journal: 'journal/0-old-1', isWhole: true });
    await state.undo(interrupted?.journal);
    expect(state.read((view) => view.networks())).toEqual([]);
    expect(state.unfinished()).toEqual([]);
  });

  it('of a newer version is refused, and the others stay readable', async () => {
    const directory = temporaryDirectory();
    using state = openState(directory, 'boot-1', onDisk);
    await state.transact((tx) => tx.putNetwork(networkOf('old')));
    const store = Store.open(directory, { isReadOnly: false, isVolatile: false });
    await store.transact((writer) =>
      writer.put(['network', 'new'], encodeEnvelope({ format: 2, value: networkOf('new') })),
    );
    store.close();
    expect(() => state.read((view) => view.network(networkOf('new').id))).toThrow(
      expect.objectContaining({ kind: 'unsupported', message: expect.stringContaining('network/new') }),
    );
    expect(state.read((view) => view.network(networkOf('old').id))).toBeDefined();
    expect(state.dump()).toHaveProperty('network/new');
  });

  it('with a newer layout is refused at once', async () => {
    const directory = temporaryDirectory();
    const store = Store.open(directory, { isReadOnly: false, isVolatile: false });
    await store.transact((writer) =>
      writer.put(['meta', 'store'], encodeRecord(['meta', 'store'], { layout: 3, boot: 'boot-1' })),
    );
    store.close();
    expect(() => openState(directory)).toThrow(expect.objectContaining({ kind: 'unsupported' }));
  });
});

describe('the files', () => {
  it('are for their owner only', () => {
    const directory = `${temporaryDirectory()}/deep/state`;
    using _ = openState(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of ['data.mdb', 'lock.mdb'])
      expect(statSync(`${directory}/${file}`).mode & 0o777).toBe(0o600);
  });

  it('that can not be used say so', () => {
    const file = `${temporaryDirectory()}/file`;
    writeFileSync(file, '');
    for (const directory of [file, `${file}/state`]) {
      expect(() => openState(directory)).toThrow(
        expect.objectContaining({ kind: 'unavailable', subject: directory, errno: expect.any(String) }),
      );
    }
  });

  it('that are no store say so', () => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/data.mdb`, 'something else'.repeat(1000));
    expect(() => openState(directory)).toThrow(
      expect.objectContaining({ kind: 'unavailable', subject: `${directory}/data.mdb` }),
    );
  });
});
