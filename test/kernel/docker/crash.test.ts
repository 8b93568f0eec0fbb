import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDaemon, type Daemon } from '../../support/daemon.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

const rounds = 12;
const networks = 3;

it('a daemon that is killed at any moment finds its way back, and nothing is left in the end', async () => {
  await using netns = await createNetns('crash');
  await using daemon = createDaemon(netns);
  const untouched = await hostFacts(netns);
  for (let round = 0; round < rounds; round += 1) {
    await daemon.start();
    const work = Promise.all(Array.from({ length: networks }, (_, index) => live(daemon, round, index)));
    // From in the middle of the first network to deep in the life of many endpoints.
    await new Promise((resolve) => setTimeout(resolve, 5 + ((round * 137) % 900)));
    await daemon.stop('SIGKILL');
    await work;
  }
  await daemon.start();
  expect(await drift(netns, daemon)).toEqual([]);
  expect(records(netns, daemon).filter((key) => key.startsWith('endpoint/')).length).toBeGreaterThan(rounds);
  await endEverything(daemon);
  await daemon.stop('SIGTERM');
  expect(await hostFacts(netns)).toEqual(untouched);
  expect(records(netns, daemon)).toEqual([]);
  expect(daemon.log()).not.toContain('"kind":"bug"');
});

/** As random as an engine's, and the same every time. */
const id = (...parts: number[]) => createHash('sha256').update(parts.join()).digest('hex');

/** One network's life as an engine drives it, until the daemon dies: endpoints come, publish a port, and half of them go. */
async function live(daemon: Daemon, round: number, index: number): Promise<void> {
  const NetworkID = id(1, round, index);
  const Pool = `10.${round + 1}.${index}.0/24`;
  const pool = await daemon.call('IpamDriver.RequestPool', {
    AddressSpace: 'local',
    Pool,
    SubPool: '',
    Options: {},
    V6: false,
  });
  if (pool === undefined) return;
  const PoolID = pool['PoolID'];
  await daemon.call('IpamDriver.RequestAddress', {
    PoolID,
    Address: '',
    Options: { RequestAddressType: 'com.docker.network.gateway' },
  });
  const IPv4Data = [{ AddressSpace: 'local', Pool, Gateway: Pool.replace('0/24', '1/24') }];
  await daemon.call('NetworkDriver.CreateNetwork', { NetworkID, Options: {}, IPv4Data, IPv6Data: [] });
  for (let count = 0; ; count += 1) {
    const EndpointID = id(2, round, index, count);
    const ids = { NetworkID, EndpointID };
    const address = await daemon.call('IpamDriver.RequestAddress', { PoolID, Address: '', Options: null });
    if (address === undefined) return;
    const portmap = [
      { Proto: count % 2 === 0 ? 6 : 17, IP: '', Port: 80, HostIP: '', HostPort: 0, HostPortEnd: 0 },
    ];
    await daemon.call('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: address['Address'] } });
    await daemon.call('NetworkDriver.Join', { ...ids, SandboxKey: `/var/run/docker/netns/${count}` });
    await daemon.call('NetworkDriver.ProgramExternalConnectivity', {
      ...ids,
      Options: { 'com.docker.network.portmap': portmap },
    });
    if (count % 2 === 1) continue;
    await daemon.call('NetworkDriver.RevokeExternalConnectivity', ids);
    await daemon.call('NetworkDriver.Leave', ids);
    await daemon.call('NetworkDriver.DeleteEndpoint', ids);
    await daemon.call('IpamDriver.ReleaseAddress', {
      PoolID,
      Address: String(address['Address']).split('/')[0],
    });
  }
}

/** Links, ports and networks that kernel and records do not have in common. */
async function drift(netns: Netns, daemon: Daemon): Promise<string[]> {
  const links = JSON.parse((await netns.exec('ip', '-j', 'link')).stdout) as {
    ifname: string;
    ifalias?: string;
  }[];
  const inKernel = links.flatMap(({ ifalias }) => (ifalias?.startsWith('tsnet:') === true ? [ifalias] : []));
  const dump = dumpOf(netns, daemon);
  const recorded = Object.keys(dump).flatMap((key) => {
    const [kind, network, endpoint] = key.split('/');
    if (kind === 'network') return [`tsnet:network:${network}`];
    const isJoined = kind === 'endpoint' && 'sandbox' in (dump[key]?.value ?? {});
    return isJoined ? [`tsnet:endpoint:${endpoint}`] : [];
  });
  const ports = (await netns.exec('nft', 'list', 'map', 'inet', 'tsnet', 'publish4_any')).stdout;
  const published = [...ports.matchAll(/(tcp|udp) \. (\d+) comment/g)].map(
    ([, protocol, port]) => `port/${protocol}/${port}`,
  );
  const recordedPorts = Object.keys(dump).flatMap((key) => /^port\/\w+\/\d+/.exec(key)?.[0] ?? []);
  return differences([...inKernel, ...published], [...recorded, ...recordedPorts]);
}

function differences(one: readonly string[], other: readonly string[]): string[] {
  return [...one.filter((item) => !other.includes(item)), ...other.filter((item) => !one.includes(item))];
}

function dumpOf(netns: Netns, daemon: Daemon): Record<string, { readonly value: object }> {
  const program = join(import.meta.dirname, '../../../dist/tsnet');
  const args = [`--net=${netns.path}`, program, 'state', 'dump', '--state-dir', join(daemon.folder, 'state')];
  return JSON.parse(execFileSync('nsenter', args, { encoding: 'utf8' })) as Record<string, { value: object }>;
}

function records(netns: Netns, daemon: Daemon): string[] {
  return Object.keys(dumpOf(netns, daemon)).filter((key) => !key.startsWith('meta/'));
}

async function endEverything(daemon: Daemon): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < networks; index += 1) {
      await daemon.call('IpamDriver.ReleasePool', { PoolID: `local/10.${round + 1}.${index}.0/24` });
      await daemon.call('NetworkDriver.DeleteNetwork', { NetworkID: id(1, round, index) });
    }
  }
}
