import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Rtnetlink } from '../../../src/kernel/netlink/index.ts';
import { createNetns } from '../../support/netns.ts';

/** More than the kernel puts into one page of its list. */
const many = 200;

describe('ids of namespaces', () => {
  it('are listed all, however many, and told for several namespaces at once', async () => {
    await using centre = await createNetns('nsids');
    const names = Array.from({ length: many }, (_, index) => `${centre.name}-${index}`);
    const batch = (verb: string) => names.map((name) => `netns ${verb} ${name}`).join('\n');
    await centre.exec('sh', '-c', `echo '${batch('add')}' | ip -batch -`);
    const descriptors: number[] = [];
    try {
      using rtnetlink = Rtnetlink.open(centre.path);
      expect(await rtnetlink.listNsids()).toEqual([]);
      const assigned: number[] = [];
      for (const name of names.slice(1)) assigned.push(await rtnetlink.assignNsid(`/run/netns/${name}`));
      expect(await rtnetlink.listNsids()).toEqual(assigned.toSorted((one, other) => one - other));
      descriptors.push(...names.map((name) => openSync(`/run/netns/${name}`, 'r')));
      expect(await rtnetlink.nsidsOf(descriptors)).toEqual([undefined, ...assigned]);
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor);
      await centre.exec('sh', '-c', `echo '${batch('del')}' | ip -batch -`);
    }
  });
});
