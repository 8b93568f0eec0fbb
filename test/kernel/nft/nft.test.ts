import { describe, expect, it } from 'vitest';
import { elementsOf, type Element } from '../../../src/firewall/nftables/elements.ts';
import { sets } from '../../../src/firewall/nftables/sets.ts';
import { formatTable, numberOfRules, tableComment } from '../../../src/firewall/nftables/structure.ts';
import { Nft } from '../../../src/kernel/nft/index.ts';
import { createNetns } from '../../support/netns.ts';
import { network, port } from '../firewall/resources.ts';

const table = { family: 'inet', name: 'tsnet' } as const;
const web = elementsOf(port('tcp', 8080, '10.1.0.2'));
const dns = elementsOf(port('udp', 53, 'fd00:1::2', '2001:db8::1'));
const blue = elementsOf(network('tsb-blue', ['10.1.0.0/22', 'fd00:1::/64', '10.9.0.8/32']));

async function open() {
  const host = await createNetns('nft');
  const nft = Nft.open(host.path);
  await nft.load(formatTable());
  return {
    host,
    nft,
    [Symbol.asyncDispose]: async () => {
      nft[Symbol.dispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

async function listAll(nft: Nft): Promise<Element[]> {
  const lists = await Promise.all(
    Object.values(sets).map(async (set) => await nft.listElements<Element['set']['name']>(table, set)),
  );
  return lists.flat();
}

describe('Nft', () => {
  it('keeps a table that it owns when another change is refused', async () => {
    await using lab = await open();
    const { nft, host } = lab;
    const owned = { family: 'inet', name: 'owned' } as const;
    nft.addOwnedTable(owned, { comment: '', sets: [], chains: [], elements: [] });
    await expect(nft.changeElements(table, { remove: web, add: [] })).rejects.toMatchObject({
      errno: 'ENOENT',
    });
    expect(await nft.changeElements(table, { remove: [], add: web }, 1)).toBe('stale');
    expect((await host.exec('nft', 'list', 'tables')).stdout).toContain('table inet owned');
    nft.deleteOwnedTable(owned);
    expect((await host.exec('nft', 'list', 'tables')).stdout).not.toContain('table inet owned');
  });

  it('adds elements that nft(8) lists, and deletes them', async () => {
    await using lab = await open();
    const { nft, host } = lab;
    await nft.changeElements(table, { remove: [], add: [...web, ...dns, ...blue] });
    const { stdout } = await host.exec('nft', 'list', 'ruleset');
    const elements = stdout.replaceAll(/\s+/g, ' ');
    expect(elements).toContain('{ tcp . 8080 comment "endpoint:of-10.1.0.2" : 10.1.0.2 . 80 }');
    expect(elements).toContain('{ 2001:db8::1 . udp . 53 comment "endpoint:of-fd00:1::2" : fd00:1::2 . 80 }');
    expect(elements).toContain('10.1.0.0/22 . "tsb-blue" comment "network:tsb-blue"');
    expect(elements).toContain('10.9.0.8 . "tsb-blue" comment "network:tsb-blue"');
    expect(elements).toContain('{ fd00:1::/64 . "tsb-blue" comment "network:tsb-blue" }');

    await nft.changeElements(table, { remove: [...web, ...dns, ...blue], add: [] });
    expect((await host.exec('nft', 'list', 'ruleset')).stdout).not.toContain('elements');
  });

  it('reads what nft(8) wrote', async () => {
    await using lab = await open();
    const elements = [...web, ...dns, ...blue];
    await lab.nft.load(formatTable(elements));
    const found = await listAll(lab.nft);
    expect(found).toHaveLength(elements.length);
    expect(found).toEqual(expect.arrayContaining(elements));
  });

  it('reads elements by key, absent ones left out', async () => {
    await using lab = await open();
    await lab.nft.changeElements(table, { remove: [], add: web });
    expect(await lab.nft.readElements(table, [...dns, ...web])).toEqual(web);
    expect(await lab.nft.readElements(table, [])).toEqual([]);
    const many = Array.from({ length: 500 }, (_, index) =>
      elementsOf(port('udp', index + 1, '10.1.0.2')),
    ).flat();
    await lab.nft.changeElements(table, { remove: [], add: many });
    expect(await lab.nft.readElements(table, many)).toEqual(many);
  });

  it('changes nothing when one part is refused, and works on', async () => {
    await using lab = await open();
    const { nft } = lab;
    await nft.changeElements(table, { remove: [], add: web });
    for (let round = 0; round < 3; round++) {
      await expect(
        nft.changeElements(table, { remove: [], add: [...dns, ...web, ...blue] }),
      ).rejects.toMatchObject({
        kind: 'conflict',
        errno: 'EEXIST',
        message: expect.stringContaining('add nft element inet tsnet publish4_any { tcp . 8080') as unknown,
      });
      await expect(nft.changeElements(table, { remove: [...web, ...dns], add: [] })).rejects.toMatchObject({
        kind: 'not-found',
        errno: 'ENOENT',
      });
    }
    expect(await listAll(nft)).toEqual(web);
  });

  it('changes nothing for a generation that has passed', async () => {
    await using lab = await open();
    const { nft, host } = lab;
    const generation = await nft.readGeneration();
    await host.exec('nft', 'add', 'table', 'ip', 'stranger');
    expect(await nft.changeElements(table, { remove: [], add: web }, generation)).toBe('stale');
    expect(await listAll(nft)).toEqual([]);
    const now = await nft.readGeneration();
    expect(now).toBeGreaterThan(generation);
    expect(await nft.changeElements(table, { remove: [], add: web }, now)).toBe('done');
  });

  it('knows tables, chains and the number of rules', async () => {
    await using lab = await open();
    const { nft, host } = lab;
    await host.exec('nft', 'add', 'table', 'ip', 'stranger');
    await host.exec('nft', 'add', 'chain', 'ip', 'stranger', 'some');
    await host.exec('nft', 'add', 'rule', 'ip', 'stranger', 'some', 'accept');
    expect(await nft.readTableComment(table)).toBe(tableComment);
    expect(await nft.readTableComment({ family: 'ip', name: 'stranger' })).toBe('');
    expect(await nft.readTableComment({ family: 'ip', name: 'none' })).toBeUndefined();
    expect(await nft.hasChain({ family: 'ip', name: 'stranger' }, 'some')).toBe(true);
    expect(await nft.hasChain({ family: 'ip', name: 'stranger' }, 'other')).toBe(false);
    expect(await nft.hasChain({ family: 'ip6', name: 'stranger' }, 'some')).toBe(false);
    expect(await nft.countRules(table)).toBe(numberOfRules);
    expect(await nft.countRules({ family: 'ip', name: 'stranger' })).toBe(1);
  });

  it('finds nothing in a namespace without the table', async () => {
    await using host = await createNetns('nft');
    using nft = Nft.open(host.path);
    expect(await listAll(nft)).toEqual([]);
    expect(await nft.readElements(table, web)).toEqual([]);
    expect(await nft.countRules(table)).toBe(0);
    await expect(nft.changeElements(table, { remove: [], add: web })).rejects.toMatchObject({
      errno: 'ENOENT',
    });
  });

  it('tells what nft(8) said', async () => {
    await using lab = await open();
    await expect(lab.nft.load('add rule inet tsnet nowhere accept\n')).rejects.toMatchObject({
      kind: 'kernel',
      message: expect.stringMatching(/^run nft -f -: .*: Error: .*No such file or directory/) as unknown,
    });
  });
});
