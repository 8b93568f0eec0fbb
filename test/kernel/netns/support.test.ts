import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createNetns } from '../../support/netns.ts';

it('makes a private namespace with loopback up and removes it', async () => {
  let path: string;
  {
    await using netns = await createNetns('support');
    path = netns.path;
    const { stdout } = await netns.exec('ip', '-j', 'link');
    const links = JSON.parse(stdout) as { ifname: string; flags: string[] }[];
    expect(links.map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(links[0]?.flags).toContain('UP');
  }
  expect(existsSync(path)).toBe(false);
});
