import { describe, expect, it } from 'vitest';
import { containersOf } from '../../../src/inspect/containers-of.ts';
import type { EngineView } from '../../../src/inspect/engines/container-view.ts';
import { recordViews, type Records } from '../../../src/inspect/engines/record-views.ts';
import { joinRecords } from '../../../src/inspect/join-records.ts';
import type { Mac, Port } from '../../../src/model/index.ts';
import { containerOf, engineOf, inspectionOf, type NetnsFacts } from '../../support/inspection-builder.ts';
import { endpointOf, networkOf, sandboxOf } from '../../support/record-builder.ts';

const id = 'a'.repeat(64);
const lab = networkOf({ origin: 'cni' });
const ports = [{ protocol: 'tcp' as const, hostPort: 80 as Port, containerPort: 80 as Port }];
const guest = endpointOf({ id, name: 'shop-0' }, { ports });
/** Where the guest's link is. */
const pod: NetnsFacts = { links: [{ index: 2, name: 'eth0', mac: guest.mac }] };

const join = (
  namespaces: Readonly<Record<number, NetnsFacts>>,
  engines: readonly EngineView[],
  records: Partial<Records>,
) => {
  const all = { networks: [], endpoints: [], sandboxes: [], ...records };
  return joinRecords(inspectionOf({ 1: {}, ...namespaces }, engines), recordViews(all, '/state', ''));
};
const placed = (...args: Parameters<typeof join>) =>
  containersOf(join(...args)).map(({ name, engine, netns, mode }) => [name, engine, netns, mode]);

describe('joinRecords', () => {
  it('leaves to an engine the networks that it tells of', () => {
    const network = { ...lab, name: 'theirs', driver: 'tsnet' };
    const engines = [engineOf({ networks: [network] })];
    expect(join({}, engines, { networks: [lab] }).engines).toEqual(engines);
    expect(join({}, [engineOf({})], { networks: [lab] }).engines[1]?.networks).toMatchObject([
      { name: 'lab' },
    ]);
  });

  it('names a container of a runtime that nobody tells of', () => {
    expect(placed({ 10: pod }, [], { networks: [lab], endpoints: [guest] })).toEqual([
      ['shop-0', 'cni', 'net:10', 'tsnet'],
    ]);
  });

  it('takes the control group for whose it is', () => {
    const processes = [{ pid: 5, cgroup: `/machine.slice/libpod-${id}.scope`, isInit: true }];
    expect(placed({ 10: { ...pod, processes } }, [], { networks: [lab], endpoints: [guest] })).toEqual([
      ['shop-0', 'podman', 'net:10', 'tsnet'],
    ]);
  });

  it("leaves to an engine the container that it tells of, by id, and adds what it doesn't tell", () => {
    const told = containerOf({ id, name: 'theirs', networkMode: 'cni', pid: 5 });
    const inspection = join({ 10: { ...pod, processes: [{ pid: 5 }] } }, [engineOf({ containers: [told] })], {
      networks: [lab],
      endpoints: [guest],
    });
    expect(inspection.engines.map(({ kind, containers }) => [kind, containers.length])).toEqual([
      ['docker', 1],
      ['tsnet', 0],
    ]);
    expect(inspection.engines[0]?.containers).toMatchObject([
      { name: 'theirs', attachments: [{ addresses: ['10.1.0.2'] }], publishedPorts: ports },
    ]);
  });

  it('leaves to an engine the container that it tells of, by the namespace that both are in', () => {
    const own = [{ protocol: 'udp' as const, containerPort: 53, hostPort: 53 }];
    const told = [
      containerOf({ id: 'b'.repeat(64), name: 'app', networkMode: `container:${id}`, pid: 6 }),
      containerOf({ id: 'f'.repeat(64), name: 'theirs', networkMode: 'cni', pid: 5, publishedPorts: own }),
    ];
    const namespaces = { 10: { ...pod, processes: [{ pid: 5 }, { pid: 6 }] } };
    const renamed = { ...guest, container: { id: `default-${'f'.repeat(64)}` } };
    const inspection = join(namespaces, [engineOf({ containers: told })], {
      networks: [lab],
      endpoints: [renamed],
    });
    expect(containersOf(inspection).map(({ name, mode }) => [name, mode])).toEqual([
      ['app', 'container'],
      ['theirs', 'tsnet'],
    ]);
    expect(inspection.engines[0]?.containers[1]?.publishedPorts).toEqual(own);
  });

  it('leaves out a container whose namespace is gone, also where another has its number and its name', () => {
    const records = { networks: [lab], endpoints: [guest] };
    expect(placed({}, [], records)).toEqual([]);
    expect(placed({ 11: pod }, [], records)).toEqual([]);
    const next: NetnsFacts = { paths: ['/run/netns/web'], links: [{ index: 2, name: 'eth0' }] };
    expect(placed({ 10: next }, [], records)).toEqual([]);
    const renumbered: NetnsFacts = {
      links: [{ index: 2, name: 'eth0', mac: '02:00:00:00:00:99' as Mac, addresses: ['10.1.0.2/24'] }],
    };
    expect(placed({ 10: renumbered }, [], records)).toHaveLength(1);
  });

  it('places sandboxes by what was recorded, and those that have ended nowhere', () => {
    const web = sandboxOf('web', { networks: [{ id: lab.id, ips: [], aliases: [] }] });
    const { name, id: owner } = web;
    const side = sandboxOf('side', {
      netns: { kind: 'shared', path: '/run/netns/web', owner, name },
      process: { pid: 701, startTime: '1' },
    });
    const inside = sandboxOf('inside', { netns: { kind: 'host' }, process: { pid: 702, startTime: '1' } });
    const [alone, gone] = [sandboxOf('alone'), sandboxOf('gone')];
    const sandboxes = [web, side, inside, { ...alone, netns: { ...alone.netns, id: '4:12' } }].map(
      (sandbox) => ({ sandbox, state: 'running' as const }),
    );
    const records = {
      networks: [networkOf()],
      endpoints: [endpointOf({ id: owner })],
      sandboxes: [...sandboxes, { sandbox: gone, state: 'exited' as const }],
    };
    const namespaces = {
      1: { processes: [{ pid: 702 }] },
      10: { paths: ['/run/netns/web'], processes: [{ pid: 700 }, { pid: 701 }] },
      12: { paths: ['/run/netns/alone'] },
    };
    expect(placed(namespaces, [], records)).toEqual([
      ['alone', 'tsnet', 'net:12', 'none'],
      ['gone', 'tsnet', undefined, 'none'],
      ['inside', 'tsnet', 'net:1', 'host'],
      ['side', 'tsnet', 'net:10', 'container'],
      ['web', 'tsnet', 'net:10', 'tsnet'],
    ]);
  });
});
