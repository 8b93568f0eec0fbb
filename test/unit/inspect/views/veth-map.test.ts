import { describe, expect, it } from 'vitest';
import { HostMap } from '../../../../src/inspect/host-map.ts';
import type { Inspection } from '../../../../src/inspect/inspection.ts';
import { selectVeths, vethMap } from '../../../../src/inspect/views/index.ts';
import { containerOf, engineOf, inspectionOf } from '../../../support/inspection-builder.ts';

const webId = 'a'.repeat(64);
const dbId = 'b'.repeat(64);

function rowsOf(inspection: Inspection) {
  return vethMap(new HostMap(inspection)).rows;
}

describe('vethMap', () => {
  it('pairs by index and namespace, when every container has the same indexes', () => {
    const inspection = inspectionOf(
      {
        1: {
          links: [
            { index: 5, name: 'vethA', peerIndex: 2, peerNsid: 0 },
            { index: 55, name: 'vethB', peerIndex: 2, peerNsid: 1 },
            // The prefix of another index, which a search for `if5` takes for the same.
            { index: 2, name: 'vethC', peerIndex: 5, peerNsid: 0 },
          ],
          nsids: { 0: 10, 1: 11 },
        },
        10: {
          links: [
            { index: 2, name: 'eth0', peerIndex: 5, peerNsid: 7 },
            { index: 5, name: 'eth1', peerIndex: 2, peerNsid: 7 },
          ],
          nsids: { 7: 1 },
          processes: [{ pid: 100, cgroup: `/docker/${webId}`, isInit: true }],
        },
        11: {
          links: [{ index: 2, name: 'eth0', peerIndex: 55, peerNsid: 0 }],
          nsids: { 0: 1 },
          processes: [{ pid: 200, cgroup: `/docker/${dbId}`, isInit: true }],
        },
      },
      [
        engineOf({
          containers: [containerOf({ id: webId, name: 'web' }), containerOf({ id: dbId, name: 'db' })],
        }),
      ],
    );
    expect(rowsOf(inspection).map((row) => [row.hostVeth, row.container, row.interface])).toEqual([
      ['vethB', 'db', 'eth0'],
      ['vethA', 'web', 'eth0'],
      ['vethC', 'web', 'eth1'],
    ]);
  });

  it('shows a pair between two containers once, and its ends in the order of their namespaces', () => {
    const inspection = inspectionOf({
      1: {},
      10: {
        links: [{ index: 2, name: 'left', peerIndex: 2, peerNsid: 0 }],
        nsids: { 0: 11 },
        paths: ['/run/netns/blue'],
      },
      11: {
        links: [{ index: 2, name: 'right', peerIndex: 2, peerNsid: 3 }],
        nsids: { 3: 10 },
        paths: ['/run/netns/red'],
      },
    });
    expect(rowsOf(inspection)).toMatchObject([
      { type: 'veth', hostVeth: 'left', hostPlace: 'blue', interface: 'right', place: 'red' },
    ]);
  });

  it('keeps a pair whose both ends are in the host, and one whose other end was not seen', () => {
    const inspection = inspectionOf({
      1: {
        links: [
          { index: 2, name: 'one', peerIndex: 3 },
          { index: 3, name: 'two', peerIndex: 2 },
          { index: 4, name: 'lost', peerIndex: 9, peerNsid: 4, operState: 'lower-layer-down' },
        ],
      },
    });
    expect(rowsOf(inspection)).toMatchObject([
      { type: 'veth', hostVeth: 'one', interface: 'two', place: 'host' },
      { type: 'unseen', hostVeth: 'lost', state: 'lower-layer-down', addresses: [] },
    ]);
  });

  it('calls a namespace without container by its file, else by its first process, else by its id', () => {
    const pair = (index: number) => ({ index, name: `v${index}`, peerIndex: 2, peerNsid: index });
    const far = (index: number) => ({
      links: [{ index: 2, name: 'eth0', peerIndex: index, peerNsid: 0 }],
      nsids: { 0: 1 },
    });
    const inspection = inspectionOf({
      1: { links: [pair(5), pair(6), pair(7)], nsids: { 5: 10, 6: 11, 7: 12 } },
      10: { ...far(5), paths: ['/run/netns/blue'] },
      11: { ...far(6), processes: [{ pid: 42, command: 'sleep' }] },
      12: far(7),
    });
    expect(rowsOf(inspection).map(({ place }) => place)).toEqual(['blue', 'sleep[42]', 'net:12']);
  });

  it('says half when only one end was set up', () => {
    const inspection = inspectionOf({
      1: { links: [{ index: 5, name: 'v', peerIndex: 2, peerNsid: 0 }], nsids: { 0: 10 } },
      10: { links: [{ index: 2, name: 'eth0', peerIndex: 5, peerNsid: 0, isUp: false }], nsids: { 0: 1 } },
    });
    expect(rowsOf(inspection)[0]?.state).toBe('half');
  });

  it('finds containers that no engine tells of, by their control groups', () => {
    const inspection = inspectionOf({
      1: { links: [{ index: 5, name: 'v', peerIndex: 2, peerNsid: 0 }], nsids: { 0: 10 } },
      10: {
        links: [{ index: 2, name: 'eth0', peerIndex: 5, peerNsid: 0 }],
        nsids: { 0: 1 },
        processes: [{ pid: 7, cgroup: `/machine.slice/libpod-${webId}.scope/container` }],
      },
    });
    expect(rowsOf(inspection)).toMatchObject([{ container: 'aaaaaaaaaaaa', containerId: webId }]);
  });

  it('answers for 5,000 pairs in well under a second', () => {
    const numbers = Array.from({ length: 5_000 }, (_, position) => position);
    const inspection = inspectionOf({
      1: {
        links: numbers.map((number) => ({
          index: number + 2,
          name: `v${number}`,
          peerIndex: 2,
          peerNsid: number,
        })),
        nsids: Object.fromEntries(numbers.map((number) => [number, number + 10])),
      },
      ...Object.fromEntries(
        numbers.map((number) => [
          number + 10,
          { links: [{ index: 2, name: 'eth0', peerIndex: number + 2, peerNsid: 0 }], nsids: { 0: 1 } },
        ]),
      ),
    });
    const started = performance.now();
    expect(rowsOf(inspection)).toHaveLength(5_000);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('selectVeths', () => {
  const rows = rowsOf(
    inspectionOf(
      {
        1: {
          links: [
            { index: 406, name: 'veth0', peerIndex: 405, peerNsid: 0 },
            { index: 405, name: 'veth9', peerIndex: 2, peerNsid: 1 },
          ],
          nsids: { 0: 10, 1: 11 },
        },
        10: {
          links: [{ index: 405, name: 'eth0', peerIndex: 406, peerNsid: 0, addresses: ['10.1.0.2/24'] }],
          nsids: { 0: 1 },
          processes: [{ pid: 1, cgroup: `/docker/${webId}` }],
        },
        11: {
          links: [{ index: 2, name: 'eth0', peerIndex: 405, peerNsid: 0, addresses: ['10.1.0.20/24'] }],
          nsids: { 0: 1 },
          paths: ['/run/netns/blue'],
        },
      },
      [engineOf({ containers: [containerOf({ id: webId, name: 'web' })] })],
    ),
  );

  it.each([
    ['veth0', 'veth0'],
    ['web', 'veth0'],
    ['eth0@web', 'veth0'],
    ['eth0@blue', 'veth9'],
    ['aaaaaaaa', 'veth0'],
    ['10.1.0.2', 'veth0'],
    ['10.1.0.20/24', 'veth9'],
    ['02:00:00:0a:01:95', 'veth0'],
    ['02:00:00:0A:01:95', 'veth0'],
    // An index of the host comes before the same one inside a container.
    ['405', 'veth9'],
    ['406', 'veth0'],
    ['net:11', 'veth9'],
  ])('finds %s', (name, veth) => {
    expect(selectVeths(rows, name).map(({ hostVeth }) => hostVeth)).toEqual([veth]);
  });

  it('finds every end that has a name, and nothing for one that nobody has', () => {
    expect(selectVeths(rows, 'eth0')).toHaveLength(2);
    expect(selectVeths(rows, '10.1.0.')).toEqual([]);
    expect(selectVeths(rows, 'nobody')).toEqual([]);
  });
});
