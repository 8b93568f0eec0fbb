import { describe, expect, it } from 'vitest';
import { recordViews, type Records } from '../../../../src/inspect/engines/record-views.ts';
import type { Ip, NetworkId, Port } from '../../../../src/model/index.ts';
import { endpointOf, networkOf, sandboxOf } from '../../../support/record-builder.ts';

const viewsOf = (records: Partial<Records>) =>
  recordViews({ networks: [], endpoints: [], sandboxes: [], ...records }, '/var/lib/tsnet', '0.1.0');
const containerOf = (sandbox: ReturnType<typeof sandboxOf>, records: Partial<Records> = {}) =>
  viewsOf({ sandboxes: [{ sandbox, state: 'running' }], ...records })[0]?.containers[0];
const lab = networkOf();
const inLab = { id: lab.id, ips: [], aliases: ['www'] };
const port = (number: number) => number as Port;

describe('recordViews', () => {
  it('tells nothing where nothing is recorded', () => {
    expect(viewsOf({})).toEqual([]);
  });

  it('tells of networks of every origin, by their ids where they have no names', () => {
    const { name: _, ...unnamed } = networkOf({ id: 'd'.repeat(64) as NetworkId, origin: 'docker' });
    const networks = [lab, unnamed];
    expect(viewsOf({ networks })).toMatchObject([
      {
        kind: 'tsnet',
        version: '0.1.0',
        networks: [
          { name: 'lab', driver: 'tsnet', bridge: 'tsb-lab', subnets: [{ gateway: '10.1.0.1' }] },
          { name: 'dddddddddddd' },
        ],
      },
    ]);
  });

  it('tells of a sandbox with its attachments and ports as they are', () => {
    const sandbox = sandboxOf('web', {
      networks: [inLab],
      ports: [
        { protocol: 'tcp', hostPorts: { first: port(8000), last: port(8010) }, containerPort: port(80) },
      ],
      exposed: [{ protocol: 'udp', port: port(53) }],
    });
    const ports = [{ protocol: 'tcp' as const, hostPort: port(8003), containerPort: port(80) }];
    const endpoints = [endpointOf({ id: sandbox.id }, { aliases: ['www'], ports })];
    expect(containerOf(sandbox, { networks: [lab], endpoints })).toMatchObject({
      name: 'web',
      state: 'running',
      pid: 700,
      networkMode: 'lab',
      sandboxPath: '/run/netns/web',
      netns: 'net:10',
      attachments: [
        {
          networkName: 'lab',
          addresses: ['10.1.0.2'],
          gateway: '10.1.0.1',
          mac: '02:42:0a:01:00:02',
          aliases: ['www'],
        },
      ],
      requestedPorts: [{ protocol: 'tcp', containerPort: 80 }],
      publishedPorts: ports,
      exposedPorts: ['53/udp'],
    });
  });

  it('tells of each mode', () => {
    const owner = sandboxOf('web').id;
    const shared = { kind: 'shared', path: '/run/netns/web', owner, name: sandboxOf('web').name } as const;
    expect(containerOf(sandboxOf('alone'))).toMatchObject({ networkMode: 'none', netns: 'net:10' });
    expect(containerOf(sandboxOf('inside', { netns: { kind: 'host' } }))?.networkMode).toBe('host');
    const sharer = containerOf(sandboxOf('side', { netns: shared }));
    expect(sharer).toMatchObject({ networkMode: `container:${owner}`, pid: 700 });
    // By its process only: the path may lead to the namespace of a later run.
    expect(sharer).not.toHaveProperty('sandboxPath');
    expect(sharer).not.toHaveProperty('netns');
  });

  it('tells of one that has ended how, and that it has nothing now', () => {
    const sandbox = sandboxOf('web', {
      networks: [{ ...inLab, former: { ips: ['10.1.0.2' as Ip], ports: [] } }],
      ports: [{ protocol: 'tcp', hostPorts: { first: port(80), last: port(80) }, containerPort: port(80) }],
      end: { code: 137, at: 1_700_000_000 },
    });
    const [view] = viewsOf({ networks: [lab], sandboxes: [{ sandbox, state: 'exited' }] });
    expect(view?.containers).toMatchObject([
      {
        state: 'exited',
        exitCode: 137,
        finishedAt: '2023-11-14T22:13:20.000Z',
        attachments: [{ networkName: 'lab', addresses: [] }],
        requestedPorts: [{ hostPort: 80 }],
        publishedPorts: [],
      },
    ]);
    expect(view?.containers[0]).not.toHaveProperty('pid');
  });

  it('tells of one that was running when the host went down, as of one that has ended', () => {
    const { process: _process, creator: _creator, ...rest } = sandboxOf('web', { end: {} });
    const [view] = viewsOf({ networks: [lab], sandboxes: [{ sandbox: rest, state: 'exited' }] });
    expect(view?.containers).toMatchObject([{ name: 'web', state: 'exited' }]);
    for (const unknown of ['pid', 'exitCode', 'finishedAt']) {
      expect(view?.containers[0]).not.toHaveProperty(unknown);
    }
  });

  it('tells of containers of runtimes, each once, by the front end that they came through', () => {
    const [cni, podman] = [
      networkOf({ origin: 'cni' }),
      networkOf({ id: 'd' as NetworkId, origin: 'netavark' }),
    ];
    const id = 'a'.repeat(64);
    const { container: _, ...unowned } = endpointOf({ id });
    const views = viewsOf({
      networks: [cni, podman],
      endpoints: [
        endpointOf({ id, name: 'shop-0' }),
        endpointOf({ id, name: 'shop-0' }, { addresses: [] }),
        endpointOf({ id: 'b'.repeat(64) }),
        endpointOf({ id: 'cnitool-1' }),
        endpointOf({ id: '1'.repeat(64), name: 'db' }, { network: podman.id }),
        unowned,
      ],
    });
    expect(views.map(({ kind, containers }) => [kind, containers.map(({ name }) => name)])).toEqual([
      ['tsnet', []],
      ['cni', ['shop-0', 'bbbbbbbbbbbb', 'cnitool-1']],
      ['netavark', ['db']],
    ]);
    expect(views[1]?.containers[0]?.attachments).toHaveLength(2);
  });
});
