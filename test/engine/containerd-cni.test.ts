import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  configFolder,
  pluginFolder,
  podImage,
  runtime,
  startContainerdHost,
  type ContainerdHost,
} from '../support/containerd-host.ts';
import type { PodConfig } from '../support/cri.ts';
import { leftOfAttachments } from '../support/engine-leftovers.ts';
import { run, until } from '../support/engine-run.ts';
import { httpGet, httpWhoami, ping, udpAsk } from '../support/traffic.ts';

// containerd as Kubernetes uses it: pods are asked for over CRI, and containerd calls our CNI plugins for them.

/** Writes a configuration of a network; `after` are plugins that follow ours in the chain. */
const conflist = (name: string, subnets: readonly string[], ...after: readonly object[]) =>
  JSON.stringify({
    cniVersion: '1.0.0',
    cniVersions: ['1.0.0', '1.1.0'],
    name,
    plugins: [
      {
        type: 'tsnet',
        bridge: `br-${name}`,
        isDefaultGateway: true,
        ipMasq: true,
        capabilities: { portMappings: true, bandwidth: true, dns: true },
        ipam: { type: 'tsnet-ipam', ranges: subnets.map((subnet) => [{ subnet }]) },
      },
      ...after,
    ],
  });

const suite = `${import.meta.dirname}/../../scripts/lib/suite`;
const newer = process.env['TSNET_TEST_ENGINES'] === 'all' ? ['containerd-1.7', 'containerd-2.1'] : [];
const cases = ["this machine's containerd", ...newer].flatMap((version) =>
  ['with the daemon', 'without the daemon'].map((mode) => [version, mode] as const),
);

describe.each(cases)('%s %s', (version, mode) => {
  let host: ContainerdHost;

  beforeAll(async () => {
    const root = newer.includes(version) ? { root: await run(suite, [version], { timeoutMs: 600_000 }) } : {};
    host = await startContainerdHost(root);
    await host.tsnet('install', 'cni', '--no-conflist', '--plugin-dir', pluginFolder);
    if (mode === 'with the daemon') await host.startDaemon();
  });
  afterAll(async () => {
    // Plugins do the work themselves where no daemon answers.
    if (mode === 'with the daemon') expect(await host.daemonLog()).toContain('plugin call');
    await host[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await Promise.all([...(await host.pods()).values()].map(end));
    expect(await left()).toEqual([]);
  });

  const end = async (pod: string) => {
    await host.stop(pod);
    await host.remove(pod);
  };
  const start = async (pod: PodConfig) => {
    const id = await host.run(pod, podImage);
    const answer = () => httpGet(host.inPod(id), 'http://127.0.0.1/');
    await until(`${pod.name} serves`, async () => (await answer()) === pod.name);
    return id;
  };
  const address = async (pod: string) => (await host.status(pod)).addresses[0] ?? '';

  /** Makes these the networks of the pods that follow, by what their files hold. */
  const useNetworks = async (networks: Readonly<Record<string, string>>) => {
    const haveBeenRead = (names: readonly string[]) =>
      until('containerd has read the networks', async () => {
        expect(await host.networks()).toEqual(names);
        return true;
      });
    await host.exec('sh', '-c', `rm -f ${configFolder}/*`);
    await haveBeenRead([]);
    for (const [name, content] of Object.entries(networks)) {
      await host.write(`${configFolder}/${name}.conflist`, content);
    }
    await haveBeenRead(Object.keys(networks));
  };
  const useOne = async () => await useNetworks({ one: conflist('one', ['10.44.0.0/24', 'fd00:44::/64']) });

  /** What is there beside networks, of us and of containerd's CNI. */
  const left = async () => {
    const files = await host.exec('find', '/run/netns', '/var/lib/cni/results', '-type', 'f');
    const ofPods = files.split('\n').filter((file) => !/^$|\/lan$|\/cni-loopback-/.test(file));
    return [...leftOfAttachments(await host.leftovers()), ...ofPods];
  };

  it('is ready for pods as soon as `tsnet install cni` has placed its files', async () => {
    await useNetworks({});
    expect(await host.condition('NetworkReady')).toMatchObject({ isTrue: false });
    await host.tsnet('install', 'cni', '--plugin-dir', pluginFolder);
    await until('the network is ready', async () => (await host.condition('NetworkReady')).isTrue);
    const web = await start({ name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] });
    expect(await address(web)).toMatch(/^10\.87\./);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
  });

  it('gives a pod addresses and ports, and takes all of it back', async () => {
    await useOne();
    const web = await start({
      name: 'web',
      ports: [
        { hostPort: 8080, containerPort: 80 },
        { hostPort: 5353, containerPort: 5353, protocol: 'udp' },
        { hostPort: 9000, containerPort: 80, hostIp: '192.0.2.1' },
      ],
      dns: { servers: ['192.0.2.53'], searches: ['lab.example'] },
    });
    const client = await start({ name: 'client' });
    expect(await host.condition('NetworkReady')).toEqual({ isTrue: true, message: '' });
    const [ipv4 = '', ipv6 = ''] = (await host.status(web)).addresses;
    expect([ipv4, ipv6]).toEqual([
      expect.stringMatching(/^10\.44\.0\.\d+$/),
      expect.stringMatching(/^fd00:44::/),
    ]);
    const inside = await host.inPod(web)('ip', '-o', 'address', 'show', 'dev', 'eth0');
    expect(inside).toContain(`${ipv4}/24`);
    expect(inside).toContain(`${ipv6}/64`);
    await ping(host.inPod(client), ipv4);
    await ping(host.inPod(client), ipv6);
    await ping(host.inPod(client), '192.0.2.2');
    expect(await httpGet(host.inPod(client), `http://${ipv4}/`)).toBe('web');
    expect(await httpGet(host.inPod(client), 'http://192.0.2.1:8080/')).toBe('web');
    expect(await httpGet(host.inPod(web), 'http://192.0.2.1:8080/')).toBe('web');
    expect(await httpGet(host.exec, 'http://127.0.0.1:8080/')).toBe('web');
    expect(await httpGet(host.lan, 'http://192.0.2.1:9000/')).toBe('web');
    expect(await httpGet(host.lan, 'http://[2001:db8:1::1]:8080/')).toBe('web');
    expect(await httpWhoami(host.lan, '192.0.2.1:8080')).toBe('192.0.2.2');
    expect(await udpAsk(host.lan, '192.0.2.1', 5353, 'hello')).toBe('hello');
    const results = await host.exec('sh', '-c', 'cat /var/lib/cni/results/one-*');
    expect(results).toContain('"dns":{"nameservers":["192.0.2.53"],"search":["lab.example"]}');
    const shown = await host.tsnet('inspect', 'veth');
    expect(shown).toContain('default/web');
    expect(shown).toContain('default/client');

    await host.stop(web);
    await expect(httpGet(host.lan, 'http://192.0.2.1:8080/')).rejects.toThrow();
    await host.stop(web);
    expect((await host.status(web)).isReady).toBe(false);
    await host.remove(web);
    await host.remove(web);
    await end(client);
    expect(await left()).toEqual([]);
  });

  it('makes and ends pods at the same time', async () => {
    await useOne();
    const names = ['a', 'b', 'c', 'd'];
    const pods = await Promise.all(names.map((name) => host.runSandbox({ name })));
    const addresses = await Promise.all(pods.map((pod) => address(pod)));
    expect(new Set(addresses).size).toBe(names.length);
    await Promise.all(pods.map(end));
    expect(await left()).toEqual([]);
  });

  it('limits the speed of a pod by its annotations', async () => {
    await useOne();
    await host.runSandbox({
      name: 'slow',
      annotations: { 'kubernetes.io/ingress-bandwidth': '20M', 'kubernetes.io/egress-bandwidth': '5M' },
    });
    const limits = (await host.exec('tc', 'qdisc', 'show')).matchAll(
      /^qdisc tbf .* dev (ts[iv])-\w+ .*rate (\w+)/gm,
    );
    expect([...limits].map(([, link, rate]) => `${link} ${rate}`).sort()).toEqual([
      'tsi 5Mbit',
      'tsv 20Mbit',
    ]);
  });

  it('attaches a pod to two networks, which containerd asks for at once', async () => {
    await useNetworks({
      one: conflist('one', ['10.44.0.0/24', 'fd00:44::/64']),
      two: conflist('two', ['10.45.0.0/24']),
    });
    const web = await start({ name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] });
    expect(await address(web)).toMatch(/^10\.44\./);
    expect(await host.inPod(web)('ip', '-o', '-4', 'address', 'show', 'dev', 'eth1')).toContain('10.45.0.');
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
    expect(await httpGet(host.lan, 'http://[2001:db8:1::1]:8080/')).toBe('web');
  });

  it('says why a pod does not start, and leaves nothing of it', async () => {
    await useOne();
    const ports = [{ hostPort: 8080, containerPort: 80 }];
    const web = await start({ name: 'web', ports });
    const before = await left();
    await expect(host.runSandbox({ name: 'late', ports })).rejects.toThrow(/8080/);
    expect(await left()).toEqual(before);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
    await end(web);
    await start({ name: 'late', ports });
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('late');
  });

  it('takes back the network of a pod that its runtime refuses', async () => {
    await useOne();
    const pod = { name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] };
    await expect(host.runSandbox({ ...pod, sysctls: { 'net.ipv4.nothing': '1' } })).rejects.toThrow(
      /ipv4.nothing/,
    );
    expect(await left()).toEqual([]);
    await start(pod);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
  });

  it('keeps the network of a pod while containerd is away', async () => {
    await useOne();
    const web = await start({ name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] });
    const before = await host.status(web);
    await host.killContainerd();
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
    await host.startContainerd();
    expect(await host.status(web)).toEqual(before);
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
    await end(web);
    expect(await left()).toEqual([]);
  });

  it('ends what a killed containerd began', async () => {
    await host.write(`${pluginFolder}/slow`, slowPlugin, '755');
    await useNetworks({ one: conflist('one', ['10.44.0.0/24'], { type: 'slow' }) });
    const asked = host.runSandbox({ name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] });
    const failed = expect(asked).rejects.toThrow();
    await until('our plugin is done', async () => (await host.exec('rm', '/run/slow')) === '');
    await host.killContainerd();
    await failed;
    expect(await left()).toContainEqual(expect.stringMatching(/^record endpoint\//));
    await host.startContainerd();
    const [pod = ''] = (await host.pods()).values();
    expect((await host.status(pod)).isReady).toBe(false);
    // containerd 1.7 forgets to call DEL for it; then it gives way to who wants its port.
    await end(pod);
    await useOne();
    const next = await start({ name: 'next', ports: [{ hostPort: 8080, containerPort: 80 }] });
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('next');
    await end(next);
    expect(await left()).toEqual([]);
  });

  it('forgets the pods of before a boot', async () => {
    await useOne();
    const web = await start({ name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] });
    await host.killContainerd();
    if (mode === 'with the daemon') await host.stopDaemon();
    await host.exec('sh', '-c', boot);
    if (mode === 'with the daemon') await host.startDaemon();
    await host.startContainerd();
    expect((await host.status(web)).isReady).toBe(false);
    await end(web);
    expect(await left()).toEqual([]);
    await start({ name: 'web', ports: [{ hostPort: 8080, containerPort: 80 }] });
    expect(await httpGet(host.lan, 'http://192.0.2.1:8080/')).toBe('web');
  });

  it('gives containers of `ctr run --cni` a network, and collects what ctr forgets to end', async () => {
    await useOne();
    // ctr looks for plugins in this folder only, which is not ours to write to.
    const around = 'mount -t tmpfs none /opt; mkdir /opt/cni; ln -s "$0" /opt/cni/bin; exec "$@"';
    const ctrRun = (...args: string[]) => {
      const ctr = ['ctr', '--namespace=k8s.io', 'run', '--cni', `--runc-binary=${runtime}`, ...args];
      return host.exec('unshare', '--mount', 'sh', '-ec', around, pluginFolder, ...ctr);
    };
    // The output of what ends at once may be lost.
    const script = 'ip -o address; sleep 0.2';
    expect(await ctrRun('--rm', podImage, 'short', 'sh', '-c', script)).toMatch(/eth0 +inet 10\.44\.0\./);
    expect(await left()).toEqual([]);
    await ctrRun('--detach', podImage, 'long');
    const result = '/var/lib/cni/results/one-k8s.io-long-eth0';
    const [address = ''] = /10\.44\.0\.\d+/.exec(await host.exec('cat', result)) ?? [];
    await ping(host.exec, address);
    await host.ctr('tasks', 'delete', '--force', 'long');
    await host.ctr('containers', 'delete', 'long');
    await host.exec('rm', result);
    await host.tsnet('gc', '--older-than', '0');
    expect(await left()).toEqual([]);
  });

  it.runIf(version === 'containerd-2.1')('is not ready for pods when no address is left', async () => {
    await useNetworks({ few: conflist('few', ['10.46.0.0/30']) });
    expect(await host.condition('NetworkReady')).toEqual({ isTrue: true, message: '' });
    const pod = await host.runSandbox({ name: 'only' });
    const { isTrue, message } = await host.condition('NetworkReady');
    expect(isTrue).toBe(false);
    expect(message).toMatch(/no address is left in network few/);
    await end(pod);
    expect(await host.condition('NetworkReady')).toEqual({ isTrue: true, message: '' });
  });
});

/** Says that it was asked to ADD, and does not come to an end with that. */
const slowPlugin = `#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
ADD)
  touch /run/slow
  exec sleep 3
  ;;
esac
`;

/** Takes away what does not outlive a boot: processes, namespaces, links, rules, and files in memory. */
const boot = `
  for folder in /sys/fs/cgroup/k8s.io/*/; do
    for pid in $(cat "$folder/cgroup.procs"); do kill -KILL "$pid"; done
  done
  while pid=$(pgrep -x containerd-shim | head -n 1) && [ -n "$pid" ]; do kill -KILL "$pid"; sleep 0.05; done
  for file in /run/netns/cni-*; do umount "$file"; rm "$file"; done
  for link in $(ip -o link | grep -oE '(br-|ts[bvi]-)[0-9a-z-]+' | sort -u); do ip link delete "$link" || true; done
  nft delete table inet tsnet
  awk '$2 ~ "^/run/containerd/" { print $2 }' /proc/mounts | xargs --no-run-if-empty umount
  rm -rf /run/tsnet /run/containerd`;
