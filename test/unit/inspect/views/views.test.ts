import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HostMap } from '../../../../src/inspect/host-map.ts';
import { loadInspection } from '../../../../src/inspect/inspection-file.ts';
import {
  bridgeList,
  containerReport,
  findNamed,
  ipReport,
  nearNames,
  netnsList,
  networkReport,
} from '../../../../src/inspect/views/index.ts';
import type { EngineView } from '../../../../src/inspect/engines/container-view.ts';
import type { Subnet } from '../../../../src/model/index.ts';
import { containerOf, engineOf, inspectionOf } from '../../../support/inspection-builder.ts';

const recorded = new HostMap(
  loadInspection(join(import.meta.dirname, '../../../fixtures/inspections/modes.json')),
);

describe('findNamed', () => {
  const items = [
    { id: 'abc1', name: 'web', engine: 'docker' },
    { id: 'abc2', name: 'abc1x', engine: 'tsnet' },
  ];
  it('takes a name, an id, a beginning of an id, and a name before an id', () => {
    expect(findNamed(items, 'web', 'container').id).toBe('abc1');
    expect(findNamed(items, '/web', 'container').id).toBe('abc1');
    expect(findNamed(items, 'abc2', 'container').id).toBe('abc2');
    expect(findNamed(items, 'abc1x', 'container').id).toBe('abc2');
  });

  it('refuses what fits several or none, and says what would fit', () => {
    expect(() => findNamed(items, 'abc', 'container')).toThrow('container abc: 2 of them fit');
    expect(() => findNamed(items, 'abc', 'container')).toThrow(
      expect.objectContaining({ hint: 'name it by its id: abc1 (docker), abc2 (tsnet)' }),
    );
    expect(() => findNamed(items, '', 'container')).toThrow('container  is not known');
    expect(nearNames('wbe', ['web', 'database', 'weblog'])).toEqual([]);
    expect(nearNames('weeb', ['web', 'database'])).toEqual(['web']);
    expect(nearNames('data', ['web', 'database'])).toEqual(['database']);
  });
});

describe('networkReport', () => {
  const bridge = { name: 'bridge', isInternal: false, subnets: [], options: {} };
  const [docker, ours, podman] = [
    { ...bridge, id: 'd'.repeat(64), driver: 'bridge' },
    { ...bridge, id: 'e'.repeat(64), driver: 'tsnet' },
    { ...bridge, id: 'f'.repeat(64), driver: 'bridge' },
  ];
  const engines = [engineOf({ networks: [docker] }), engineOf({ kind: 'tsnet', networks: [ours] })];
  const reportOf = (name: string, more: readonly EngineView[] = []) =>
    networkReport(new HostMap(inspectionOf({ 1: {} }, [...engines, ...more])), name);

  it("takes an engine's network before one of tsnet with the same name, and says that there is another", () => {
    expect(reportOf('bridge')).toMatchObject({
      id: docker.id,
      namesakes: [{ id: ours.id, engine: 'tsnet' }],
    });
    expect(reportOf('eee')).toMatchObject({ id: ours.id, namesakes: [{ id: docker.id, engine: 'docker' }] });
  });

  it('leaves the choice between two engines to who asks', () => {
    const more = [engineOf({ kind: 'podman', networks: [podman] })];
    expect(() => reportOf('bridge', more)).toThrow('network bridge: 3 of them fit');
  });
});

describe('ipReport', () => {
  it('finds ranges that two want, but not a macvlan and the link it rides on', () => {
    expect(ipReport(recorded, '192.0.2.0/24').overlaps).toEqual([]);
    const map = new HostMap(
      inspectionOf(
        {
          1: {
            links: [{ index: 2, name: 'eth0', kind: undefined }],
            routes: [
              {
                family: 4,
                destination: '10.10.0.0/24' as Subnet,
                from: undefined,
                table: 254,
                type: 'unicast',
                scope: 'link',
                protocol: 2,
                metric: undefined,
                mtu: undefined,
                source: undefined,
                nextHops: [{ gateway: undefined, linkIndex: 2, weight: 1 }],
                nextHopId: undefined,
              },
            ],
          },
        },
        [
          engineOf({
            networks: [
              {
                id: 'n',
                name: 'shop',
                driver: 'bridge',
                isInternal: false,
                subnets: [{ subnet: '10.10.0.0/16' as Subnet }],
                options: {},
              },
            ],
          }),
        ],
      ),
    );
    expect(ipReport(map, '10.10.0.5')).toMatchObject({
      subnet: '10.10.0.5/32',
      networks: [{ name: 'shop', relation: 'contains' }],
      routes: [{ destination: '10.10.0.0/24', interface: 'eth0' }],
      overlaps: [{ one: 'network shop', other: 'route 10.10.0.0/24 dev eth0', subnet: '10.10.0.0/24' }],
    });
    expect(ipReport(map, '10.20.0.0/16').overlaps).toEqual([]);
  });

  it('names containers whose address no interface has', () => {
    const id = 'a'.repeat(64);
    const map = new HostMap(
      inspectionOf({ 1: {} }, [
        engineOf({
          containers: [
            containerOf({
              id,
              name: 'web',
              attachments: [
                { networkId: 'n', networkName: 'app', addresses: ['10.1.0.2' as never], aliases: [] },
              ],
            }),
          ],
        }),
      ]),
    );
    expect(ipReport(map, '10.1.0.2').absentHolders).toEqual([
      { container: 'web', state: 'running', ip: '10.1.0.2' },
    ]);
  });

  it.each(['', '10.0.0', '10.0.0.0/33', 'web', '10.0.0.1/'])('refuses %j', (text) => {
    expect(() => ipReport(recorded, text)).toThrow('address');
  });
});

describe('netnsList', () => {
  const web = recorded.containers.find(({ name }) => name === 'web');
  it.each([
    'web',
    'sidecar',
    String(web?.netns),
    String(web?.pid),
    '/run/docker/netns/4a6eaea2402b',
    '/var/run/docker/netns/4a6eaea2402b',
  ])('finds a namespace by %s', (name) => {
    expect(netnsList(recorded, name).namespaces).toMatchObject([{ id: web?.netns, title: 'web' }]);
  });
});

describe('bridgeList', () => {
  it('finds a bridge by its own name and by that of its network', () => {
    const [byName, byNetwork] = ['br-app', 'app'].map((name) => bridgeList(recorded, name).bridges);
    expect(byName).toEqual(byNetwork);
    expect(() => bridgeList(recorded, 'br-ap')).toThrow('bridge br-ap is not known');
  });
});

describe('containerReport', () => {
  it("shows nothing of the host's as the container's", () => {
    expect(containerReport(recorded, 'exporter')).toMatchObject({
      mode: 'host',
      interfaces: [],
      listeners: [],
      routes: [],
    });
  });

  it('says of a container that never ran what it was asked to join', () => {
    expect(containerReport(recorded, 'idle')).toMatchObject({
      state: 'created',
      mode: 'bridge',
      networks: [{ name: 'two' }],
    });
  });
});
