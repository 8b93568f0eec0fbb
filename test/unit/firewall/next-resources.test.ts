import { describe, expect, it } from 'vitest';
import { nextResources } from '../../../src/firewall/next-resources.ts';
import type { RoutedResource } from '../../../src/firewall/index.ts';
import { network, port } from './resources.ts';

const a = network('tsb-a', ['10.1.0.0/24']);
const web = port('tcp', 8080, '10.1.0.2');
const other = port('tcp', 8080, '10.1.0.3');

function after(
  present: readonly RoutedResource[],
  remove: readonly RoutedResource[],
  add: readonly RoutedResource[],
): RoutedResource[] {
  return [...nextResources({ remove, add }, present).values()];
}

describe('nextResources', () => {
  it.each([
    ['adds what is absent', [], [], [a, web], [a, web]],
    ['adds what is there', [a, web], [], [a, web], [a, web]],
    ['removes what is there', [a, web], [web], [], [a]],
    ['removes what is absent', [a], [web], [], [a]],
    ['does not remove what leads elsewhere', [web], [other], [], [web]],
    ['does not remove what is another’s', [web], [{ ...web, owner: 'endpoint:x' }], [], [web]],
    ['moves a port', [web], [web], [other], [other]],
    ['replaces the rules of a network', [a], [], [{ ...a, isInternal: true }], [{ ...a, isInternal: true }]],
    ['removes the rules of a network as they are', [a], [{ ...a, isInternal: true }], [], []],
    ['keeps one port for each address', [web], [], [port('tcp', 8080, '10.1.0.3', '192.0.2.1')], undefined],
  ] as const)('%s', (_, present, remove, add, expected) => {
    expect(after(present, remove, add)).toEqual(expected ?? [...present, ...add]);
  });

  it.each([
    ['a port that leads elsewhere', [web], other, 'endpoint:of-10.1.0.2 has port tcp 0.0.0.0:8080'],
    ['an equal port of another', [web], { ...web, owner: 'endpoint:x' }, 'endpoint:of-10.1.0.2 has'],
    ['a bridge of another', [a], { ...a, owner: 'network:x' }, 'bridge tsb-a belongs to network:tsb-a'],
  ] as const)('refuses %s', (_, present, add, reason) => {
    expect(() => after(present, [], [add])).toThrow(
      expect.objectContaining({ kind: 'conflict', message: expect.stringContaining(reason) as unknown }),
    );
  });

  it('refuses two that exclude each other in one change', () => {
    expect(() => after([], [], [web, other])).toThrow('publish port tcp 0.0.0.0:8080 to 10.1.0.3:80');
  });
});
