import { describe, expect, it } from 'vitest';
import { containersOf } from '../../../src/inspect/containers-of.ts';
import { HostMap } from '../../../src/inspect/host-map.ts';
import type { Ip, Subnet } from '../../../src/model/index.ts';
import { containerOf, engineOf, inspectionOf } from '../../support/inspection-builder.ts';

const webId = 'a'.repeat(64);
const otherId = 'b'.repeat(64);

describe('containersOf', () => {
  it('takes the control group for the place before the number of a process, which engines may count otherwise', () => {
    const inspection = inspectionOf(
      {
        1: { processes: [{ pid: 50, cgroup: '/' }] },
        10: {
          processes: [
            { pid: 900, cgroup: `/docker/${webId}` },
            { pid: 901, cgroup: `/docker/${webId}`, isInit: true },
          ],
        },
      },
      [engineOf({ containers: [containerOf({ id: webId, name: 'web', pid: 50 })] })],
    );
    expect(containersOf(inspection)).toMatchObject([{ name: 'web', netns: 'net:10', pid: 901 }]);
  });

  it('takes the namespace of the main process where a container has several', () => {
    const inspection = inspectionOf(
      {
        1: {},
        10: { processes: [{ pid: 5, cgroup: `/docker/${webId}`, isInit: true }] },
        11: { processes: [{ pid: 4, cgroup: `/docker/${webId}` }] },
      },
      [engineOf({ containers: [containerOf({ id: webId, name: 'web', pid: 5 })] })],
    );
    expect(containersOf(inspection)[0]?.netns).toBe('net:10');
  });

  it("takes the engine's handle of the namespace where no control group tells, and the pid last", () => {
    const inspection = inspectionOf(
      { 1: {}, 10: { paths: ['/run/docker/netns/4f2a'] }, 11: { processes: [{ pid: 7 }] } },
      [
        engineOf({
          containers: [
            containerOf({ id: webId, name: 'web', pid: 7, sandboxPath: '/var/run/docker/netns/4f2a' }),
            containerOf({ id: otherId, name: 'other', pid: 7 }),
          ],
        }),
      ],
    );
    expect(containersOf(inspection).map(({ name, netns }) => [name, netns])).toEqual([
      ['other', 'net:11'],
      ['web', 'net:10'],
    ]);
  });

  it('gives no place to a container that has ended, though its pid lives on as another', () => {
    const inspection = inspectionOf({ 1: { processes: [{ pid: 7 }] } }, [
      engineOf({ containers: [containerOf({ id: webId, name: 'web', pid: 7, state: 'exited' })] }),
    ]);
    expect(containersOf(inspection)[0]).not.toHaveProperty('netns');
  });

  it('does not take an inner container for the outer one', () => {
    const inspection = inspectionOf(
      {
        1: {},
        10: { processes: [{ pid: 5, cgroup: `/docker/${webId}`, isInit: true }] },
        11: { processes: [{ pid: 6, cgroup: `/docker/${webId}/docker/${otherId}`, isInit: true }] },
      },
      [engineOf({ containers: [containerOf({ id: webId, name: 'outer', pid: 5 })] })],
    );
    expect(containersOf(inspection).map(({ name, netns }) => [name, netns])).toEqual([
      ['bbbbbbbbbbbb', 'net:11'],
      ['outer', 'net:10'],
    ]);
  });
});

describe('HostMap', () => {
  const subnet = '10.1.0.0/24' as Subnet;
  const gateway = '10.1.0.1' as Ip;
  const network = {
    id: otherId,
    name: 'app',
    isInternal: false,
    options: {},
    subnets: [{ subnet, gateway }],
  };
  const bridge = { index: 2, name: 'br', kind: 'bridge', addresses: ['10.1.0.1/24'] };

  it("finds a network's bridge by tsnet's mark, by its name, by its gateway", () => {
    const marked = { ...bridge, alias: `tsnet:network:${otherId}`, addresses: [] };
    for (const [link, told] of [
      [marked, { ...network, driver: 'tsnet', bridge: 'tsb-other' }],
      [
        { ...bridge, addresses: [] },
        { ...network, driver: 'bridge', bridge: 'br' },
      ],
      [bridge, { ...network, driver: 'weave' }],
    ] as const) {
      const map = new HostMap(inspectionOf({ 1: { links: [link] } }, [engineOf({ networks: [told] })]));
      expect(map.bridgeOfNetwork(told)?.name).toBe('br');
      expect(map.host.links.map((one) => map.networkOfBridge(one)?.name)).toEqual(['app']);
    }
  });

  it("does not take a bridge that is a macvlan's router for the macvlan's", () => {
    const told = { ...network, driver: 'macvlan' };
    const map = new HostMap(inspectionOf({ 1: { links: [bridge] } }, [engineOf({ networks: [told] })]));
    expect(map.bridgeOfNetwork(told)).toBeUndefined();
  });

  it('stands an empty snapshot', () => {
    const map = new HostMap(inspectionOf({}));
    expect(map.host.links).toEqual([]);
    expect(map.containers).toEqual([]);
  });
});
