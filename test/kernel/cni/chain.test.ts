import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { callCni, fail, succeed, type Result } from './plugin.ts';
import { hasReference, runReference } from './reference.ts';
import { askTcp, startTcpServer } from './tcp-server.ts';

let host: Host;
let box: Netns;

beforeEach(async () => {
  host = await createHost();
  box = await createNetns('pod');
});
afterEach(async () => {
  await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

interface Plugin {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [option: string]: unknown;
}

const main: Plugin = {
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.77.0.0/24' }]] },
};

/**
 * Calls a list of plugins as libcni does: each gets its own section and of the runtime's arguments what it declares; the
 * result goes from one to the next; DEL goes backwards. Ours runs here, the others are programs.
 */
async function runList(
  verb: 'ADD' | 'CHECK' | 'DEL',
  plugins: readonly Plugin[],
  {
    runtime = {},
    result,
  }: { readonly runtime?: Readonly<Record<string, unknown>>; readonly result?: unknown } = {},
): Promise<unknown> {
  const env = { CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_NETNS: box.path, CNI_IFNAME: 'eth0' };
  let previous = result;
  for (const plugin of verb === 'DEL' ? plugins.toReversed() : plugins) {
    const declared = Object.entries(runtime).filter(([name]) => plugin.capabilities?.[name] === true);
    const config = {
      ...plugin,
      cniVersion: '1.0.0',
      name: 'list',
      ...(declared.length === 0 ? {} : { runtimeConfig: Object.fromEntries(declared) }),
      ...(previous === undefined ? {} : { prevResult: previous }),
    };
    const answer =
      plugin.type === 'tsnet'
        ? await callCni(host.context, { verb, config, container: 'c1', netns: box.path, ifName: 'eth0' })
        : await runReference(host.netns, plugin.type, env, config);
    const status = 'exitCode' in answer ? answer.exitCode : answer.status;
    if (status !== 0) throw new Error(`${verb} ${plugin.type}: ${answer.stdout}`);
    if (verb === 'ADD') previous = JSON.parse(answer.stdout) as unknown;
  }
  return previous;
}

const ports = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };

describe.skipIf(!hasReference)('reference plugins behind ours', () => {
  it.each([
    ['publish ports', [{ type: 'portmap', capabilities: { portMappings: true } }]],
    ['let through', [{ type: 'firewall' }, { type: 'portmap', capabilities: { portMappings: true } }]],
  ])('%s', async (_, others) => {
    const list: readonly Plugin[] = [main, ...others];
    const result = await runList('ADD', list, { runtime: ports });
    expect(host.context.state.read((view) => view.endpoints())[0]?.ports).toEqual([]);
    await using _server = await startTcpServer(box, 80);
    expect(await askTcp(host.netns, '10.77.0.1:8080')).toContain('here');
    await runList('CHECK', [main], { result });
    for (const _again of [1, 2]) await runList('DEL', list, { runtime: ports, result });
    expect((await host.netns.exec('iptables-save')).stdout).not.toContain('8080');
  });

  it('tune the interface, which a CHECK of ours leaves to them', async () => {
    const tuning = {
      type: 'tuning',
      mac: '02:00:00:00:00:77',
      mtu: 1300,
    };
    const result = (await runList('ADD', [main, tuning])) as Result;
    expect(result.interfaces.find(({ name }) => name === 'eth0')?.mac).toBe('02:00:00:00:00:77');
    await runList('CHECK', [main, tuning], { result });
    await box.exec('ping', '-n', '-c', '1', '-W', '2', '10.77.0.1');
    await runList('DEL', [main, tuning], { result });
  });

  it('limit the bandwidth', async () => {
    const bandwidth = {
      type: 'bandwidth',
      ingressRate: 8_000_000,
      ingressBurst: 800_000,
      egressRate: 8_000_000,
      egressBurst: 800_000,
    };
    const result = (await runList('ADD', [main, bandwidth])) as Result;
    expect(result.interfaces).toHaveLength(4);
    const hostLink = result.interfaces[1]?.name ?? '';
    expect((await host.netns.exec('tc', 'qdisc', 'show', 'dev', hostLink)).stdout).toContain('tbf');
    await runList('CHECK', [main], { result });
    await runList('DEL', [main, bandwidth], { result });
  });
});

describe('ours behind others', () => {
  const previous = {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: '/run/netns/x', vendor: 'kept' }],
    ips: [{ address: '127.0.0.1/8', interface: 0 }],
    dns: { nameservers: ['192.0.2.53'] },
  };
  const call = (verb: string, prevResult: object) => ({
    verb,
    config: { ...main, cniVersion: '1.1.0', name: 'list', prevResult },
    container: 'c1',
    netns: box.path,
    ifName: 'eth0',
  });

  it('adds its part to their result', async () => {
    const result = await succeed(host.context, call('ADD', previous));
    expect(result.interfaces.map(({ name }) => name.slice(0, 4))).toEqual(['lo', 'br0', 'tsv-', 'eth0']);
    expect(result.interfaces[0]).toEqual(previous.interfaces[0]);
    expect(result.ips).toEqual([
      { address: '127.0.0.1/8', interface: 0 },
      { address: '10.77.0.2/24', gateway: '10.77.0.1', interface: 3 },
    ]);
    expect(result.dns).toEqual(previous.dns);
    await succeed(host.context, call('CHECK', result));
  });

  it('refuses to make an interface that a plugin before has made', async () => {
    const taken = { ...previous, interfaces: [{ name: 'eth0', sandbox: box.path }] };
    const error = await fail(host.context, call('ADD', taken));
    expect(error.code).toBe(111);
    expect(error.msg).toContain('eth0');
    expect(host.context.state.read((view) => view.leases())).toEqual([]);
  });
});
