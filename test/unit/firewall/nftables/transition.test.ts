import { describe, expect, it } from 'vitest';
import { elementsOf, resourcesOf, type Element } from '../../../../src/firewall/nftables/elements.ts';
import { sets } from '../../../../src/firewall/nftables/sets.ts';
import { transitionFor } from '../../../../src/firewall/nftables/transition.ts';
import { formatElement } from '../../../../src/kernel/nft/index.ts';
import { parseIfName, parseIp } from '../../../../src/model/index.ts';
import type { RoutedResource } from '../../../../src/firewall/index.ts';
import { network, openPort, port, withEveryWay } from '../resources.ts';

const a = network('tsb-a', ['10.1.0.0/24', 'fd00:1::/64']);
const web = port('tcp', 8080, '10.1.0.2');

function lines(
  remove: readonly RoutedResource[],
  add: readonly RoutedResource[],
  present: readonly Element[],
) {
  const transition = transitionFor({ remove, add }, present);
  return [...transition.remove.map((e) => `- ${line(e)}`), ...transition.add.map((e) => `+ ${line(e)}`)].map(
    (text) => text.replace(' comment ""', ''),
  );
}

describe('transitionFor', () => {
  it('adds what is absent', () => {
    expect(lines([], [a, web], [])).toEqual([
      '+ bridges "tsb-a"',
      '+ icc_bridges "tsb-a" . "tsb-a"',
      '+ masquerade_bridges "tsb-a"',
      '+ subnets4 10.1.0.0/24 . "tsb-a"',
      '+ subnets6 fd00:1::/64 . "tsb-a"',
      '+ publish4_any tcp . 8080 : 10.1.0.2 . 80',
    ]);
  });

  it('changes only what differs', () => {
    const change = { ...a, isInternal: true, masquerades: false, subnets: a.subnets.slice(0, 1) };
    expect(lines([], [change], elementsOf(a))).toEqual([
      '- masquerade_bridges "tsb-a"',
      '- subnets6 fd00:1::/64 . "tsb-a"',
      '+ internal_bridges "tsb-a"',
    ]);
    expect(lines([a, web], [a, web], [...elementsOf(a), ...elementsOf(web)])).toEqual([]);
  });

  it('changes ways into a network', () => {
    const before = withEveryWay('tsb-c');
    const { unprotected: _, ...rest } = before;
    const after = { ...rest, routed: [4, 6], hostSources: [parseIp('192.0.2.9')], allowsIcc: true } as const;
    expect(lines([], [after], elementsOf(before))).toEqual([
      '- no_icc_bridges "tsb-c" . "tsb-c"',
      '- unprotected_bridges4 "tsb-c"',
      '- source4 "tsb-c" : 192.0.2.1',
      '+ icc_bridges "tsb-c" . "tsb-c"',
      '+ routed_bridges4 "tsb-c"',
      '+ source4 "tsb-c" : 192.0.2.9',
    ]);
  });

  it('gives a key that moves a new value', () => {
    const moved = port('tcp', 8080, '10.1.0.3');
    expect(lines([web], [moved], elementsOf(web))).toEqual([
      '- publish4_any tcp . 8080 : 10.1.0.2 . 80',
      '+ publish4_any tcp . 8080 : 10.1.0.3 . 80',
    ]);
  });

  it('leaves other networks alone, whole or not', () => {
    const rest = elementsOf(network('tsb-b', ['10.2.0.0/24'])).slice(1);
    expect(lines([], [a], [...elementsOf(a), ...rest])).toEqual([]);
  });

  it('clears the remains of half a network away', () => {
    const open = { ...a, masquerades: false };
    const [, ...rest] = elementsOf(a);
    expect(resourcesOf(rest)).toEqual([]);
    expect(lines([], [open], rest)).toEqual(['- masquerade_bridges "tsb-a"', '+ bridges "tsb-a"']);
    expect(lines([a], [], rest)).toHaveLength(rest.length);
  });

  it('takes an element without a mark for the host’s', () => {
    const unmarked: Element = { set: sets.bridges, key: [parseIfName('tsb-a')] };
    expect(resourcesOf([unmarked])).toMatchObject([{ kind: 'network-rules', owner: 'host' }]);
    expect(() => lines([], [a], [unmarked])).toThrow('bridge tsb-a belongs to host');
    expect(lines(resourcesOf([unmarked]), [], [unmarked])).toEqual(['- bridges "tsb-a"']);
  });
});

describe('elementsOf', () => {
  it('refuses an owner that does not fit into a comment', () => {
    expect(() => elementsOf({ ...a, owner: `network:${'x'.repeat(121)}` })).toThrow('at most 128 bytes');
    expect(elementsOf({ ...a, owner: `network:${'x'.repeat(120)}` })).toHaveLength(5);
  });

  it('is undone by resourcesOf', () => {
    const resources = [
      { ...a, isInternal: true },
      network('tsb-b', []),
      withEveryWay('tsb-c'),
      openPort('tcp', 'tsb-c', '10.3.0.2'),
      web,
      port('udp', 1, 'fd00:1::2', '2001:db8::1'),
    ];
    expect(resourcesOf(resources.flatMap(elementsOf))).toEqual(resources);
  });
});

function line(element: Element): string {
  return `${element.set.name} ${formatElement({ ...element, comment: '' })}`;
}
