import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { observeHost, Relations, topologyParts } from '../../../../src/observe/host/index.ts';
import { createManyPairs } from '../../../support/many-pairs.ts';

const count = 1_000;

it(`pairs ${count} ends, most of which have the same index`, async () => {
  await using made = await createManyPairs(count);
  const relations = new Relations(await observeHost({ hostNetns: made.host.path, parts: topologyParts }));
  const { host } = relations;
  const found = new Map(
    host?.links.map((link) => {
      const peer = relations.peerOf({ netns: host, link });
      return [link.name, peer === undefined ? undefined : `${peer.netns.id} ${peer.link.name}`];
    }),
  );
  for (const { link, netns } of made.pairs) {
    expect([link, found.get(link)]).toEqual([link, `net:${statSync(netns).ino} eth0`]);
  }
  expect(host?.nsids).toHaveLength(count);
});
