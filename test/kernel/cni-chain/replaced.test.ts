import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCniHost, listOf, type CniHost } from '../../support/libcni-host.ts';
import type { CniResult } from '../../support/libcni.ts';
import { ask, listen, reaches, show } from './probes.ts';

// Lists as they are shipped and documented, once as they are and once with nothing replaced but `bridge` by `tsnet` and
// `host-local` by `tsnet-ipam`: the same results, the same traffic.
let hosts: readonly CniHost[];
beforeEach(async () => {
  hosts = [await createCniHost(), await createCniHost('with the daemon')];
});
afterEach(async () => {
  for (const host of hosts) await host[Symbol.asyncDispose]();
});

interface Shipped {
  readonly what: string;
  readonly cniVersion: string;
  readonly plugins: (dataDir: string) => readonly object[];
}

const portmap = { type: 'portmap', capabilities: { portMappings: true } };
const shipped: readonly Shipped[] = [
  {
    what: 'Podman 4.3: 87-podman-bridge.conflist',
    cniVersion: '0.4.0',
    plugins: (dataDir) => [
      {
        type: 'bridge',
        bridge: 'cni-podman0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir,
          routes: [{ dst: '0.0.0.0/0' }],
          ranges: [[{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }]],
        },
      },
      portmap,
      { type: 'firewall' },
      { type: 'tuning' },
    ],
  },
  {
    what: 'containerd: 10-containerd-net.conflist',
    cniVersion: '1.0.0',
    plugins: (dataDir) => [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        promiscMode: true,
        ipam: {
          type: 'host-local',
          dataDir,
          ranges: [[{ subnet: '10.88.0.0/16' }], [{ subnet: '2001:db8:4860::/64' }]],
          routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
        },
      },
      portmap,
    ],
  },
  {
    what: 'CRI-O: 100-crio-bridge.conflist',
    cniVersion: '1.0.0',
    plugins: (dataDir) => [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir,
          routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
          ranges: [[{ subnet: '10.85.0.0/16' }], [{ subnet: 'fd10:85::/64' }]],
        },
      },
    ],
  },
];

const replacements: Readonly<Record<string, string>> = { bridge: 'tsnet', 'host-local': 'tsnet-ipam' };

function replaced(plugins: readonly object[]): object[] {
  return JSON.parse(JSON.stringify(plugins), (key, value: unknown) =>
    key === 'type' && typeof value === 'string' ? (replacements[value] ?? value) : value,
  ) as object[];
}

/** Without what is chosen anew each time, and with what 1.1.1 writes though it is empty left out. */
function comparable(result: CniResult, host: CniHost): unknown {
  const text = JSON.stringify(result)
    .replaceAll(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')
    .replaceAll(/"(?:veth[0-9a-f]{8}|tsv-[0-9a-f]+)"/g, '"VETH"')
    .replaceAll(host.boxes[0].path, 'BOX');
  const { dns, ...rest } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return { ...rest, ...(JSON.stringify(dns ?? {}) === '{}' ? {} : { dns }) };
}

describe.each(shipped)('$what', ({ cniVersion, plugins }) => {
  it('gives the same results and the same traffic', async () => {
    const found = [];
    for (const [index, host] of hosts.entries()) {
      const reference = plugins(join(host.folder, 'ipam'));
      const list = listOf(index === 0 ? reference : replaced(reference), { cniVersion });
      const conf = host.conf(0, {
        capabilityArgs: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
      });
      const result = comparable(await host.libcni.add(list, conf), host);
      await host.libcni.add(list, host.conf(1));
      await using server = await listen(host.boxes[0], 'web');
      const [address = ''] = (await show(host.boxes[0], 'address', 'eth0')).match(/\d+\.\d+\.\d+\.\d+/) ?? [];
      found.push({
        result,
        server: server.pid > 0,
        reaches: await reaches(host.boxes[1], address),
        published: await ask(host.netns, `${address.replace(/\d+$/, '1')}:8080`).catch(() => 'nobody'),
        routes: (await show(host.boxes[0], 'route', 'eth0'))
          .replaceAll(/ proto \w+/g, '')
          .split(/ *\n/)
          .sort(),
      });
      await host.libcni.del(list, conf);
      await host.libcni.del(list, host.conf(1));
      if (index === 1) expect(await host.traces()).toEqual([]);
    }
    expect(found[1]).toEqual(found[0]);
    const hasPortmap = JSON.stringify(plugins('')).includes('portmap');
    expect(found[0]).toMatchObject({ reaches: true, published: hasPortmap ? 'web 80' : 'nobody' });
  });
});
