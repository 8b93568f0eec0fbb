import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../../src/model/index.ts';
import {
  Relations,
  type LinkView,
  type NetnsView,
  type PlacedLink,
} from '../../../../src/observe/host/index.ts';
import { emptyNetns } from '../../../../src/observe/host/empty-netns.ts';
import { plainLink } from '../../../support/plain-link.ts';

const plain = plainLink({ index: 1, name: '', kind: 'veth', flags: 0 });

function netns(
  number: number,
  nsids: Readonly<Record<number, number>>,
  links: readonly (Partial<LinkView> & { readonly name: string })[],
): NetnsView {
  return {
    ...emptyNetns(`net:${number}`),
    nsids: Object.entries(nsids).map(([nsid, id]) => ({ nsid: Number(nsid), netns: `net:${id}` as const })),
    links: links.map((link) => ({ ...plain, ...link })),
  };
}

function relate(...namespaces: NetnsView[]) {
  const [host] = namespaces;
  const relations = new Relations({
    takenAt: '2026-11-21T12:00:00.000Z',
    host: { name: 'test', kernel: '6.18' },
    hostNetns: host?.id ?? 'net:0',
    namespaces,
    gaps: [],
  });
  const at = (number: number, name: string): PlacedLink => {
    const view = relations.netnsById(`net:${number}`);
    const found = view === undefined ? undefined : relations.linkNamed(view, name);
    if (found === undefined) throw new Error(`no ${name} in net:${number}`);
    return found;
  };
  const told = (link: PlacedLink | undefined): string | undefined =>
    link === undefined ? undefined : `${link.netns.id} ${link.link.name}`;
  return { relations, at, told };
}

describe('Relations.peerOf', () => {
  it('reads an id in the namespace that it was given in', () => {
    // Id 0 is another namespace in each of the three.
    const { relations, at, told } = relate(
      netns(1, { 0: 2, 1: 3 }, [
        { index: 5, name: 'a', peerIndex: 5, peerNsid: 0 },
        { index: 6, name: 'b', peerIndex: 5, peerNsid: 1 },
      ]),
      netns(2, { 0: 1 }, [{ index: 5, name: 'eth0', peerIndex: 5, peerNsid: 0 }]),
      netns(3, { 0: 1 }, [{ index: 5, name: 'eth0', peerIndex: 6, peerNsid: 0 }]),
    );
    expect(told(relations.peerOf(at(1, 'a')))).toBe('net:2 eth0');
    expect(told(relations.peerOf(at(1, 'b')))).toBe('net:3 eth0');
    expect(told(relations.peerOf(at(3, 'eth0')))).toBe('net:1 b');
  });

  it('takes an index that an old kernel left out for the same as its own', () => {
    const { relations, at, told } = relate(
      netns(1, { 7: 2 }, [{ index: 77, name: 'a', peerNsid: 7 }]),
      netns(2, { 0: 1 }, [{ index: 77, name: 'eth0', peerNsid: 0 }]),
    );
    expect(told(relations.peerOf(at(1, 'a')))).toBe('net:2 eth0');
  });

  it('gives nothing where the other end does not point back', () => {
    const { relations, at } = relate(
      netns(1, { 0: 2 }, [{ index: 5, name: 'a', peerIndex: 5, peerNsid: 0 }]),
      netns(2, { 0: 1 }, [{ index: 5, name: 'eth0', peerIndex: 9, peerNsid: 0 }]),
    );
    expect(relations.peerOf(at(1, 'a'))).toBeUndefined();
  });

  it('gives nothing for an id that nobody could tell, and for other kinds', () => {
    const { relations, at, told } = relate(
      netns(1, {}, [
        { index: 5, name: 'a', peerIndex: 5, peerNsid: 3 },
        { index: 6, name: 'v5', kind: 'vlan', peerIndex: 5 },
        { index: 7, name: 'self', kind: 'gre', peerIndex: 7 },
      ]),
    );
    expect(relations.peerOf(at(1, 'a'))).toBeUndefined();
    expect(relations.peerOf(at(1, 'v5'))).toBeUndefined();
    expect(told(relations.parentOf(at(1, 'v5')))).toBe('net:1 a');
    expect(relations.childrenOf(at(1, 'a')).map(told)).toEqual(['net:1 v5']);
    expect(relations.parentOf(at(1, 'self'))).toBeUndefined();
    expect(relations.parentOf(at(1, 'a'))).toBeUndefined();
  });
});

describe('Relations', () => {
  it('answers for a thousand pairs in a moment', () => {
    const count = 1000;
    const nsids = Object.fromEntries(Array.from({ length: count }, (_, index) => [index, index + 2]));
    const host = netns(
      1,
      nsids,
      Array.from({ length: count }, (_, index) => ({
        index: index + 10,
        name: `v${index}`,
        peerIndex: 2,
        peerNsid: index,
        masterIndex: 3,
      })),
    );
    const others = Array.from({ length: count }, (_, index) =>
      netns(index + 2, { 0: 1 }, [{ index: 2, name: 'eth0', peerIndex: index + 10, peerNsid: 0 }]),
    );
    const { relations } = relate(host, ...others);
    const started = performance.now();
    for (const [index, link] of host.links.entries()) {
      expect(relations.peerOf({ netns: host, link })?.netns.id).toBe(`net:${index + 2}`);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('finds an address on every link that has it, and survives one without a link', () => {
    const address = (linkIndex: number) =>
      ({
        linkIndex,
        address: '10.0.0.1/24',
        peer: undefined,
        scope: 'global',
        flags: 0,
        isTentative: false,
        isDuplicate: false,
      }) as NetnsView['addresses'][number];
    const { relations, told } = relate(
      { ...netns(1, {}, [{ index: 2, name: 'x' }]), addresses: [address(2), address(9)] },
      { ...netns(2, {}, [{ index: 2, name: 'y' }]), addresses: [address(2)] },
    );
    expect(relations.whereIs(parseIp('10.0.0.1')).map(told)).toEqual(['net:1 x', 'net:2 y']);
  });
});
