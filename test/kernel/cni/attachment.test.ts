import { describe, expect, it } from 'vitest';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { callCni, fail, succeed, type Call } from './plugin.ts';
import { useHostWithPods } from './pods.ts';
import { askTcp, startTcpServer } from './tcp-server.ts';

const pods = useHostWithPods();

const dual = {
  cniVersion: '1.1.0',
  name: 'dbnet',
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd00:77::/64' }]] },
};

const call = (verb: string, index: number, options: Partial<Call> = {}): Call => ({
  verb,
  config: dual,
  container: `container-${index}`,
  netns: pods.boxes[index]?.path ?? '',
  ifName: 'eth0',
  ...options,
});

const box = (index: number) => pods.boxes[index] as Netns;
const addressesIn = async (index: number) => (await box(index).exec('ip', '-o', 'address')).stdout;

const pingFrom = (from: Netns, target: string) => from.exec('ping', '-n', '-c', '1', '-W', '2', target);

/** Every record that would keep something from being used again. */
const holdings = () =>
  Object.keys(pods.host.context.state.dump()).filter((key) =>
    /^(?:endpoint|address|port|lease-of)\//.test(key),
  );

describe('ADD with addresses of its own', () => {
  it('answers as the reference plugin does, and the container is on the network', async () => {
    const result = await succeed(pods.host.context, call('ADD', 0));
    expect(result.cniVersion).toBe('1.1.0');
    expect(result.interfaces.map(({ name, sandbox }) => [name.slice(0, 4), sandbox])).toEqual([
      ['br0', undefined],
      ['tsv-', undefined],
      ['eth0', pods.boxes[0]?.path],
    ]);
    for (const { mac } of result.interfaces) expect(mac).toMatch(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect(result.ips).toEqual([
      { address: '10.77.0.2/24', gateway: '10.77.0.1', interface: 2 },
      { address: 'fd00:77::2/64', gateway: 'fd00:77::1', interface: 2 },
    ]);
    expect(result.routes).toEqual([
      { dst: '0.0.0.0/0', gw: '10.77.0.1' },
      { dst: '::/0', gw: 'fd00:77::1' },
    ]);
    const shown = (await pods.host.netns.exec('ip', '-o', 'link')).stdout;
    for (const { name, mac, sandbox } of result.interfaces) {
      const where = sandbox === undefined ? shown : (await box(0).exec('ip', '-o', 'link')).stdout;
      expect(where.split('\n').find((line) => line.includes(` ${name}`))).toContain(mac);
    }
    await succeed(pods.host.context, call('ADD', 1));
    for (const target of ['10.77.0.3', 'fd00:77::3', '10.77.0.1', 'fd00:77::1'])
      await pingFrom(box(0), target);
    const checked = call('CHECK', 0, { config: { ...dual, prevResult: result } });
    expect(await callCni(pods.host.context, checked)).toEqual({ exitCode: 0, stdout: '' });
    for (const _ of [1, 2]) {
      expect(await callCni(pods.host.context, call('DEL', 0))).toEqual({ exitCode: 0, stdout: '' });
    }
    expect((await fail(pods.host.context, checked)).code).toBe(3);
    expect(await addressesIn(0)).not.toContain('eth0');
    await pingFrom(box(1), '10.77.0.1');
  });

  it('keeps the connections that leave behind the address of the pods.host, if ipMasq says so', async () => {
    await using lan = await createNetns('lan');
    await pods.host.netns.exec(
      'ip',
      'link',
      'add',
      'lan0',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      lan.name,
    );
    await pods.host.netns.exec('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'lan0');
    await pods.host.netns.exec('ip', 'link', 'set', 'lan0', 'up');
    await lan.exec('ip', 'address', 'add', '192.0.2.2/24', 'dev', 'eth0');
    await lan.exec('ip', 'link', 'set', 'eth0', 'up');
    await lan.exec('ip', 'route', 'add', '10.0.0.0/8', 'via', '192.0.2.1');
    const plain = { ...dual, name: 'plain', bridge: 'br1', ipMasq: false, ipam: { subnet: '10.78.0.0/24' } };
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('ADD', 1, { config: plain }));
    await using _server = await startTcpServer(lan, 99);
    expect(await askTcp(box(0), '192.0.2.2:99')).toBe('here 192.0.2.1');
    expect(await askTcp(box(1), '192.0.2.2:99')).toBe('here 10.78.0.2');
    // Who has a route reaches a container, as with the reference plugins, unless a policy says otherwise.
    await pingFrom(lan, '10.78.0.2');
    await succeed(pods.host.context, call('DEL', 1, { config: plain }));
    await succeed(pods.host.context, call('ADD', 1, { config: { ...plain, ingressPolicy: 'same-bridge' } }));
    await expect(pingFrom(lan, '10.78.0.3')).rejects.toThrow();
    await pingFrom(box(1), '192.0.2.2');
  });

  it('publishes ports in every spelling, for all addresses of the host', async () => {
    const config = {
      ...dual,
      capabilities: { portMappings: true },
      runtimeConfig: {
        portMappings: [
          { HostPort: 8080, ContainerPort: 80, Protocol: 'TCP', HostIP: '' },
          { hostPort: 8081, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' },
        ],
      },
    };
    await succeed(pods.host.context, call('ADD', 0, { config }));
    await using _server = await startTcpServer(box(0), 80);
    await succeed(pods.host.context, call('ADD', 1));
    for (const target of ['127.0.0.1:8080', '10.77.0.1:8080', '127.0.0.1:8081']) {
      expect(await askTcp(pods.host.netns, target), target).toContain('here');
    }
    expect(await askTcp(box(1), '10.77.0.1:8080')).toContain('here');
    expect(await askTcp(box(0), '10.77.0.1:8080')).toContain('here');
    await using _server6 = await startTcpServer(box(0), 80, 6);
    expect(await askTcp(pods.host.netns, '[fd00:77::1]:8080')).toContain('here');
    expect(await askTcp(box(1), '[fd00:77::1]:8080')).toContain('here');
    const other = await fail(
      pods.host.context,
      call('ADD', 1, { container: 'container-2', ifName: 'eth1', config }),
    );
    expect(other.code).toBe(111);
    expect(other.msg).toMatch(/8080\/tcp: it is held by container container-0$/);
    await succeed(pods.host.context, call('DEL', 0, { config }));
    await succeed(pods.host.context, call('ADD', 1, { container: 'container-2', ifName: 'eth1', config }));
  });

  it('publishes nothing where the capability is not declared: a chained plugin does', async () => {
    const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };
    for (const [index, capabilities] of [{ portMappings: false }, {}].entries()) {
      await succeed(
        pods.host.context,
        call('ADD', index, { config: { ...dual, capabilities, runtimeConfig } }),
      );
    }
    expect(holdings().filter((key) => key.startsWith('port/'))).toEqual([]);
  });

  it('publishes the ports of a container on one of its networks, and on the other when that one ends', async () => {
    const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };
    const first = { ...dual, runtimeConfig };
    const second = { ...first, name: 'second', bridge: 'br1', ipam: { subnet: '10.78.0.0/24' } };
    const unreachable = { ipam: { ...dual.ipam, routes: [{ dst: '198.51.100.0/24', gw: '224.0.0.1' }] } };
    const onFirst = { config: first };
    const onSecond = { config: second, ifName: 'eth1' };
    await using _server = await startTcpServer(box(0), 80);
    const expectOpen = async () => {
      for (const [from, target] of [
        [pods.host.netns, '127.0.0.1:8080'],
        [pods.host.netns, '10.79.0.1:8080'],
        [box(1), '10.79.0.1:8080'],
      ] as const) {
        expect(await askTcp(from, target), target).toContain('here');
      }
      const other = await fail(pods.host.context, call('ADD', 1, { ...onSecond, container: 'other' }));
      expect(other.code).toBe(111);
    };
    // Where a packet must come in by the way that leads to its sender, answers have to leave by the right network.
    await pods.host.netns.exec('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter');
    const third = { ...dual, name: 'third', bridge: 'br2', ipam: { subnet: '10.79.0.0/24' } };
    await succeed(pods.host.context, call('ADD', 1, { config: third }));
    await succeed(pods.host.context, call('ADD', 0, onFirst));
    await succeed(pods.host.context, call('ADD', 0, onSecond));
    await expectOpen();
    await succeed(pods.host.context, call('DEL', 0, onFirst));
    await expectOpen();
    // What fails to come back first takes nothing away.
    await fail(pods.host.context, call('ADD', 0, { config: { ...first, ...unreachable } }));
    await expectOpen();
    await succeed(pods.host.context, call('ADD', 0, onFirst));
    await expectOpen();
    // It took the ports from the second one, which has them again now.
    await succeed(pods.host.context, call('DEL', 0, onFirst));
    await expectOpen();
    await succeed(pods.host.context, call('ADD', 0, onFirst));
    await expectOpen();
    await succeed(pods.host.context, call('DEL', 0, onSecond));
    await expectOpen();
    await succeed(pods.host.context, call('DEL', 0, onFirst));
    expect(holdings().filter((key) => key.startsWith('port/'))).toEqual([]);
    await succeed(pods.host.context, call('ADD', 1, { ...onSecond, container: 'other' }));
  });

  it('takes what is wished for, however often a runtime repeats it', async () => {
    const result = await succeed(
      pods.host.context,
      call('ADD', 0, {
        args: 'IgnoreUnknown=1;K8S_POD_NAME=web;MAC=02:00:00:00:00:50;IP=10.77.0.50',
        config: { ...dual, runtimeConfig: { ips: ['10.77.0.50', '10.77.0.50/24', 'fd00:77::50'] } },
      }),
    );
    expect(result.ips.map(({ address }) => address)).toEqual(['10.77.0.50/24', 'fd00:77::50/64']);
    expect(result.interfaces[2]?.mac).toBe('02:00:00:00:00:50');
    const [endpoint] = pods.host.context.state.read((view) => view.endpoints());
    expect(endpoint?.container).toEqual({ id: 'container-0', name: 'web' });
    for (const [ip, code] of [
      ['10.77.0.50', 111],
      ['10.77.0.1', 111],
      ['10.78.0.9', 7],
    ] as const) {
      const error = await fail(pods.host.context, call('ADD', 1, { args: `IP=${ip}` }));
      expect(error.code, ip).toBe(code);
      expect(error.msg).toContain(ip);
    }
  });

  it('gives the next address after the last one, and an error with all of them taken', async () => {
    const config = {
      ...dual,
      ipam: { subnet: '10.77.0.0/24', rangeStart: '10.77.0.9', rangeEnd: '10.77.0.11' },
    };
    const add = (ifName: string) => succeed(pods.host.context, call('ADD', 0, { config, ifName }));
    for (const [ifName, address] of [
      ['a', 9],
      ['b', 10],
    ] as const) {
      expect((await add(ifName)).ips[0]?.address).toBe(`10.77.0.${address}/24`);
    }
    await succeed(pods.host.context, call('DEL', 0, { config, ifName: 'a' }));
    expect((await add('c')).ips[0]?.address).toBe('10.77.0.11/24');
    expect((await add('d')).ips[0]?.address).toBe('10.77.0.9/24');
    const error = await fail(pods.host.context, call('ADD', 1, { config }));
    expect(error).toMatchObject({ code: 112 });
    expect(error.msg).toContain('10.77.0.9 to 10.77.0.11');
    expect(await addressesIn(1)).not.toContain('eth0');
  });

  it('takes one address from each set, and the second range of a set when the first is used up', async () => {
    const ranges = [
      [{ subnet: '10.77.0.0/30' }, { subnet: '10.78.0.0/24' }],
      [{ subnet: '10.79.0.0/24', gateway: '10.79.0.254' }],
    ];
    const config = { ...dual, ipam: { ranges } };
    const ips = async (ifName: string) =>
      (await succeed(pods.host.context, call('ADD', 0, { config, ifName }))).ips.map(
        ({ address }) => address,
      );
    expect(await ips('a')).toEqual(['10.77.0.2/30', '10.79.0.1/24']);
    expect(await ips('b')).toEqual(['10.78.0.2/24', '10.79.0.2/24']);
    for (const gateway of ['10.77.0.1', '10.78.0.1', '10.79.0.254']) await pingFrom(box(0), gateway);
  });

  it('is one of layer 2 without ipam', async () => {
    const config = { cniVersion: '1.0.0', name: 'l2', type: 'tsnet', bridge: 'br2', ipam: {} };
    const results = [
      await succeed(pods.host.context, call('ADD', 0, { config })),
      await succeed(pods.host.context, call('ADD', 1, { config })),
    ];
    expect(results[0]?.ips).toEqual([]);
    for (const [index] of results.entries())
      await box(index).exec('ip', 'address', 'add', `192.0.2.${index}/24`, 'dev', 'eth0');
    await pingFrom(box(0), '192.0.2.1');
    await succeed(pods.host.context, call('CHECK', 0, { config: { ...config, prevResult: results[0] } }));
  });

  it('sets routes, metrics and name servers as they are configured', async () => {
    const config = {
      ...dual,
      dns: { nameservers: ['192.0.2.53'] },
      ipam: {
        ranges: [[{ subnet: '10.77.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '198.51.100.0/24', gw: '10.77.0.7', priority: 9, mtu: 1300 }],
      },
    };
    const result = await succeed(pods.host.context, call('ADD', 0, { config }));
    expect(result.routes).toEqual([
      { dst: '198.51.100.0/24', gw: '10.77.0.7', priority: 9, mtu: 1300 },
      { dst: '0.0.0.0/0', gw: '10.77.0.1' },
    ]);
    expect(result.dns).toEqual({ nameservers: ['192.0.2.53'] });
    const routes = (await box(0).exec('ip', 'route')).stdout;
    expect(routes).toContain('default via 10.77.0.1 dev eth0');
    expect(routes).toContain('198.51.100.0/24 via 10.77.0.7 dev eth0 proto static metric 9 mtu 1300');
  });
});

describe('an ADD', () => {
  it('succeeds where somebody has flushed the rules and taken the bridge away', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('DEL', 0));
    await pods.host.netns.exec('nft', 'flush', 'ruleset');
    await pods.host.netns.exec('ip', 'link', 'delete', 'br0');
    await succeed(pods.host.context, call('ADD', 0));
    await pingFrom(box(0), '10.77.0.1');
    await succeed(pods.host.context, call('DEL', 0));
    expect(holdings()).toEqual([]);
  });
});

describe('an ADD that fails', () => {
  it.each([
    ['in the namespace of the host', () => ({ netns: pods.host.netns.path }), 8],
    [
      'in the namespace of the pods.host, even if that is allowed',
      () => ({ netns: pods.host.netns.path, env: { CNI_NETNS_OVERRIDE: '1' } }),
      8,
    ],
    ['for an interface that exists', () => ({ ifName: 'lo' }), 111],
    ['for a device that is no bridge', () => ({ config: { ...dual, bridge: 'lo' } }), 111],
    ['for a gateway out of reach', () => ({ config: withRoute('224.0.0.1') }), 116],
    ['for a missing plugin', () => ({ config: { ...dual, ipam: { type: 'none-such' } } }), 7],
  ])('%s leaves nothing', async (_, options, code) => {
    const facts = [await hostFacts(pods.host.netns), await hostFacts(box(0))];
    const error = await fail(pods.host.context, call('ADD', 0, options()));
    expect(error).toMatchObject({ code });
    // What was made for the network stays, as with the reference plugin; the next ADD uses it.
    if (pods.host.context.state.read((view) => view.networks()).length === 0)
      expect(await hostFacts(pods.host.netns)).toEqual(facts[0]);
    expect(await hostFacts(box(0))).toEqual(facts[1]);
    expect(holdings()).toEqual([]);
    await succeed(pods.host.context, call('DEL', 0));
    const { ips } = await succeed(pods.host.context, call('ADD', 0));
    expect(ips.length).toBe(2);
  });

  const withRoute = (gw: string) => ({
    ...dual,
    ipam: { ...dual.ipam, routes: [{ dst: '198.51.100.0/24', gw }] },
  });

  it('for being the second leaves the first', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    const records = pods.host.context.state.dump();
    const error = await fail(pods.host.context, call('ADD', 0));
    expect(error.code).toBe(111);
    expect(error.msg).toContain('eth0');
    expect(pods.host.context.state.dump()).toEqual(records);
    await pingFrom(box(0), '10.77.0.1');
  });
});

describe('DEL', () => {
  it.each(['', '/run/netns/tsnet-test-vanished'])('succeeds with the namespace %j', async (netns) => {
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('DEL', 0, { netns }));
    expect(holdings()).toEqual([]);
    expect(await addressesIn(0)).not.toContain('eth0');
    expect((await pods.host.netns.exec('ip', '-o', 'link')).stdout).not.toContain('tsv-');
  });

  it('leaves a namespace alone that has the path of the one that it was', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    await box(0).exec('true');
    const path = box(0).path;
    await pods.boxes[0]?.[Symbol.asyncDispose]();
    pods.boxes[0] = { ...(await createNetns('other')) };
    const name = path.split('/').at(-1) ?? '';
    await pods.host.netns
      .exec('sh', '-c', `touch ${path} && mount --bind ${pods.boxes[0].path} ${path}`)
      .catch(() => undefined);
    await pods.boxes[0].exec('ip', 'link', 'add', 'eth0', 'type', 'bridge');
    await succeed(pods.host.context, call('DEL', 0, { netns: path }));
    expect(holdings()).toEqual([]);
    expect((await pods.boxes[0].exec('ip', '-o', 'link')).stdout).toContain('eth0');
    await pods.host.netns.exec('sh', '-c', `umount ${path}; rm -f ${path}; true ${name}`);
  });

  it('of one interface leaves the other one of the container on the same network', async () => {
    const mapping = (hostPort: number) => ({
      ...dual,
      runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
    });
    await succeed(pods.host.context, call('ADD', 0, { config: mapping(8080) }));
    await succeed(pods.host.context, call('ADD', 0, { config: mapping(8081), ifName: 'eth1' }));
    await using _server = await startTcpServer(box(0), 80);
    await succeed(pods.host.context, call('DEL', 0, { config: mapping(8081), ifName: 'eth1' }));
    expect(await askTcp(pods.host.netns, '127.0.0.1:8080')).toContain('here');
    expect(holdings().filter((key) => key.startsWith('port/')).length).toBe(1);
  });
});

describe('a network', () => {
  it('is changed while it is in use', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    const more = { ...dual, ipam: { ranges: [[{ subnet: '10.80.0.0/24' }]] } };
    const { ips } = await succeed(pods.host.context, call('ADD', 1, { config: more }));
    expect(ips[0]?.address).toBe('10.80.0.2/24');
    await pingFrom(box(0), '10.77.0.1');
    await pingFrom(box(1), '10.80.0.1');
  });

  it('is changed whatever died in it without a word', async () => {
    const small = { ...dual, ipam: { ranges: [[{ subnet: '10.77.0.0/24' }]] } };
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('DEL', 0));
    const dead = await createNetns('dies');
    await succeed(pods.host.context, call('ADD', 1, { config: small, netns: dead.path }));
    await dead[Symbol.asyncDispose]();
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('DEL', 0));
    // This changes each veth.
    await succeed(pods.host.context, call('ADD', 0, { config: { ...dual, mtu: 1400 } }));
    expect((await box(0).exec('ip', 'link', 'show', 'eth0')).stdout).toContain('mtu 1400');
  });

  it('keeps its gateway while it is in use, unless it is forced', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    const config = { ...dual, ipam: { ranges: [[{ subnet: '10.77.0.0/24', gateway: '10.77.0.254' }]] } };
    const error = await fail(pods.host.context, call('ADD', 1, { config }));
    expect(error.code).toBe(111);
    expect(error.msg).toContain('10.77.0.1');
    await succeed(pods.host.context, call('ADD', 1, { config: { ...config, forceAddress: true } }));
    await pingFrom(box(1), '10.77.0.254');
  });

  it('gives way when nobody uses it, and is refused its bridge or range while somebody does', async () => {
    const sameBridge = { ...dual, name: 'other', ipam: { subnet: '10.90.0.0/24' } };
    const sameRange = { ...dual, name: 'third', bridge: 'br3' };
    await succeed(pods.host.context, call('ADD', 0));
    for (const config of [sameBridge, sameRange]) {
      const error = await fail(pods.host.context, call('ADD', 1, { config }));
      expect(error.code).toBe(111);
      expect(error.msg).toContain('cni-dbnet');
    }
    await succeed(pods.host.context, call('DEL', 0));
    await succeed(pods.host.context, call('ADD', 1, { config: sameBridge }));
    await succeed(pods.host.context, call('DEL', 1, { config: sameBridge }));
    await succeed(pods.host.context, call('ADD', 1, { config: sameRange }));
    await pingFrom(box(1), '10.77.0.1');
  });

  it('refuses a bridge of others with another address, and leaves what it has', async () => {
    await pods.host.netns.exec('ip', 'link', 'add', 'br0', 'type', 'bridge');
    await pods.host.netns.exec('ip', 'address', 'add', '10.99.0.1/24', 'dev', 'br0');
    const error = await fail(pods.host.context, call('ADD', 0));
    expect(error.code).toBe(111);
    expect(error.msg).toContain('10.99.0.1/24');
    await succeed(pods.host.context, call('ADD', 0, { config: { ...dual, forceAddress: true } }));
    const shown = (await pods.host.netns.exec('ip', '-o', 'address', 'show', 'br0')).stdout;
    for (const address of ['10.99.0.1/24', '10.77.0.1/24', 'fd00:77::1/64']) expect(shown).toContain(address);
  });
});
