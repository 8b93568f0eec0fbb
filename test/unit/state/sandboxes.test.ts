import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NamedSandbox, SandboxName } from '../../../src/model/index.ts';
import { thisProcess, State } from '../../../src/state/index.ts';
import { readStoreRecord } from '../../../src/state/store-record.ts';
import { Store } from '../../../src/state/store.ts';
import { sandboxOf } from '../../support/record-builder.ts';
import { inMemory, openState, optionsOf, places, temporaryDirectory } from './fixtures.ts';

const own = thisProcess();
const running = sandboxOf('web', { creator: own, process: own, environment: ['A=1'] });
const { process: _, ...starting } = running;
const end = { code: 7, at: 1 };

/** As a boot leaves it: without what is known by a number that may come again. */
function ended(sandbox: NamedSandbox, how: NamedSandbox['end']): unknown {
  const { creator: _creator, process: _process, formerEnd: _formerEnd, netns, ...rest } = sandbox;
  const { kind, path } = netns as { kind: string; path: string };
  return { ...rest, netns: { kind, path }, end: how };
}

describe.each(places)('a sandbox %s after a boot', (_place, place) => {
  it.each<[string, NamedSandbox, NamedSandbox['end']]>([
    ['has ended, nobody knows how, if it was running', { ...running, formerEnd: end }, {}],
    ['has ended as it had before', { ...running, end }, end],
    ['has ended as it had before it was about to be started again', { ...starting, formerEnd: end }, end],
  ])('%s', async (_name, sandbox, how) => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory, 'boot-1', place);
      await state.transact((tx) => tx.putSandbox(sandbox));
      expect(state.read((view) => view.sandboxes())).toEqual([sandbox]);
    }
    // Nothing in memory is left.
    rmSync(inMemory(directory), { recursive: true, force: true });
    const wanted = [ended(sandbox, how)];
    {
      using reader = State.open({ ...optionsOf(directory, 'boot-2', place), readOnly: true });
      expect(reader.read((view) => view.sandboxes())).toEqual(wanted);
    }
    for (const boot of ['boot-2', 'boot-3']) {
      using state = openState(directory, boot, place);
      expect(state.read((view) => view.sandboxes())).toEqual(wanted);
      expect(state.read((view) => view.sandbox(sandbox.name))).toEqual(wanted[0]);
    }
  });

  it.each<[string, NamedSandbox]>([
    ['is gone with its command if nothing was to be kept', { ...running, isRemovedAtEnd: true }],
    ['is gone if its command had not begun', starting],
  ])('%s', async (_name, sandbox) => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory, 'boot-1', place);
      await state.transact((tx) => tx.putSandbox(sandbox));
    }
    {
      using reader = State.open({ ...optionsOf(directory, 'boot-2', place), readOnly: true });
      expect(reader.read((view) => view.sandboxes())).toEqual([]);
    }
    using state = openState(directory, 'boot-2', place);
    expect(state.read((view) => view.sandboxes())).toEqual([]);
    expect(Object.keys(state.dump())).not.toContain('sandbox/web');
  });

  it('that was removed does not come again, and one that is started again is of the new boot', async () => {
    const directory = temporaryDirectory();
    {
      using state = openState(directory, 'boot-1', place);
      await state.transact((tx) => {
        tx.putSandbox(running);
        tx.putSandbox(sandboxOf('gone'));
      });
      await state.transact((tx) => tx.deleteSandbox('gone' as SandboxName));
    }
    {
      using state = openState(directory, 'boot-2', place);
      await state.transact((tx) => tx.putSandbox(running));
      expect(state.read((view) => view.sandboxes())).toEqual([running]);
    }
    using state = openState(directory, 'boot-3', place);
    expect(state.read((view) => view.sandboxes())).toEqual([ended(running, {})]);
  });
});

it('a sandbox costs the disk a commit where what a boot leaves of it changes', async () => {
  const directory = temporaryDirectory();
  using state = openState(directory);
  const disk = Store.open(directory, { isReadOnly: true, isVolatile: false });
  const generation = () => disk.read(readStoreRecord)?.pair?.generation ?? 0;
  const brief = { ...running, name: 'brief' as SandboxName, isRemovedAtEnd: true };
  const costs: number[] = [];
  for (const sandbox of [
    brief,
    starting,
    running,
    { ...running, process: { ...own, pid: 1 } },
    { ...running, end },
    { ...starting, formerEnd: end },
  ]) {
    const before = generation();
    await state.transact((tx) => tx.putSandbox(sandbox));
    costs.push(generation() - before);
  }
  disk.close();
  expect(costs).toEqual([0, 0, 1, 0, 1, 0]);
});
