import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Netns } from '../../support/netns.ts';
import { createSite } from './site.ts';

// The executables before a real daemon and a real kernel, with as many processes at once as a node that boots has.

const many = 100;
const root = join(import.meta.dirname, '../../..');

describe.each(['with', 'without'] as const)('%s the daemon', (mode) => {
  it(`attaches ${many} containers at once, each with an address of its own, and leaves nothing`, async () => {
    await using site = await createSite(mode === 'with', many);
    const before = await site.facts();
    const added = await Promise.all(site.containers.map((_, index) => site.call('ADD', index)));
    expect(added.filter(({ code }) => code !== 0)).toEqual([]);
    const addresses = new Set(added.map(({ stdout }) => addressOf(stdout)));
    expect(addresses.size).toBe(many);
    expect(site.endpoints()).toHaveLength(many);
    const inside = await Promise.all(site.containers.map((netns) => addressIn(netns)));
    expect(inside.filter((address) => !addresses.has(address))).toEqual([]);

    const ended = await Promise.all(site.containers.map((_, index) => site.call('DEL', index)));
    expect(ended.filter(({ code }) => code !== 0)).toEqual([]);
    expect(await site.facts()).toEqual(before);
    expect(site.endpoints()).toEqual([]);
  }, 180_000);

  it('leaves nothing after a DEL when the executable is killed at any moment', async () => {
    await using site = await createSite(mode === 'with', 1);
    const before = await site.facts();
    const longest = mode === 'with' ? 30 : 250;
    for (let round = 0; round < 12; round += 1) {
      const verb = round % 2 === 0 ? 'ADD' : 'DEL';
      if (verb === 'DEL') expect(await site.call('ADD', 0)).toMatchObject({ code: 0 });
      const started = site.start(verb, 0);
      await pause((round / 12) * longest);
      started.child.kill('SIGKILL');
      await started.outcome;
      expect(await site.call('DEL', 0)).toMatchObject({ code: 0, stdout: '' });
      expect(await site.facts(), `round ${round}`).toEqual(before);
      expect(site.endpoints()).toEqual([]);
    }
  }, 120_000);
});

it('finishes without the daemon what was begun with it, and the other way round', async () => {
  await using site = await createSite(true, 2);
  const before = await site.facts();
  expect(await site.call('ADD', 0)).toMatchObject({ code: 0 });
  await site.daemon.stop('SIGTERM');
  const { stdout: result } = await site.call('ADD', 1);
  expect(await site.call('DEL', 0)).toMatchObject({ code: 0, stdout: '' });
  await site.daemon.start();
  expect(await site.call('CHECK', 1, { prevResult: JSON.parse(result) as unknown })).toMatchObject({
    code: 0,
    stdout: '',
  });
  expect(await site.call('DEL', 1)).toMatchObject({ code: 0, stdout: '' });
  expect(await site.facts()).toEqual(before);
});

it('does its first work after its files were replaced', async () => {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const copy = mkdtempSync(join(root, '.cache/dist-'));
  try {
    cpSync(join(root, 'dist'), copy, { recursive: true });
    await using site = await createSite(true, 1, join(copy, 'tsnet'));
    const before = await site.facts();
    await site.daemon.stop('SIGTERM');
    await site.daemon.start();
    rmSync(copy, { recursive: true, force: true });
    for (const verb of ['ADD', 'DEL']) expect(await site.call(verb, 0)).toMatchObject({ code: 0 });
    expect(await site.facts()).toEqual(before);
    expect(site.daemon.log().match(/plugin call/g)).toHaveLength(4);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

it.each(['ADD', 'DEL'] as const)(
  'leaves nothing when the daemon is killed in the middle of %s',
  async (verb) => {
    await using site = await createSite(true, 4);
    const before = await site.facts();
    for (let round = 0; round < 5; round += 1) {
      if (verb === 'DEL') await Promise.all(site.containers.map((_, index) => site.call('ADD', index)));
      const running = site.containers.map((_, index) => site.call(verb, index));
      await pause(3 + round * 9);
      await site.daemon.stop('SIGKILL');
      for (const { code, stdout } of await Promise.all(running)) {
        // Done, or a whole error: never a part of an answer.
        if (code !== 0) expect(JSON.parse(stdout)).toMatchObject({ code: expect.any(Number) });
      }
      const ended = await Promise.all(site.containers.map((_, index) => site.call('DEL', index)));
      expect(ended).toEqual(
        ended.map(() => ({ code: 0, signal: null, stdout: '', stderr: expect.any(String) })),
      );
      expect(site.endpoints()).toEqual([]);
      await site.daemon.start();
      expect(await site.facts(), `round ${round}`).toEqual(before);
    }
  },
  120_000,
);

function addressOf(result: string): string {
  const { ips } = JSON.parse(result) as { ips: readonly { address: string }[] };
  return ips[0]?.address ?? '';
}

async function addressIn(netns: Netns): Promise<string> {
  const { stdout } = await netns.exec('ip', '-o', '-4', 'addr', 'show', 'dev', 'eth0');
  return /inet (\S+)/.exec(stdout)?.[1] ?? '';
}
