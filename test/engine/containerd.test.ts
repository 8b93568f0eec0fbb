import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readContainerd } from '../../src/inspect/engines/containerd.ts';
import { run, until } from '../support/engine-run.ts';

// A containerd of this machine, as nobody's engine, with containers that are noted as Kubernetes and nerdctl note them.

const pod = 'a'.repeat(64);
const inPod = 'b'.repeat(64);

const folder = mkdtempSync('/tmp/tsnet-containerd-');
const state = join(folder, 'state');
const rootfs = join(folder, 'rootfs');
const socket = join(folder, 'containerd.sock');
const tsnet = join(import.meta.dirname, '../../dist/tsnet');
let daemon: ChildProcess;

const ctr = (namespace: string, ...args: string[]) =>
  run('ctr', ['--address', socket, '--namespace', namespace, ...args]);

const start = (
  namespace: string,
  id: string,
  annotations: Readonly<Record<string, string>>,
  ...flags: string[]
) =>
  ctr(
    namespace,
    'run',
    '--detach',
    '--rootfs',
    ...Object.entries(annotations).flatMap(([key, value]) => ['--annotation', `${key}=${value}`]),
    ...flags,
    rootfs,
    id,
    '/bin/busybox',
    'sleep',
    '600',
  );

const containers = [
  ['default', 'plain'],
  ['default', 'web-1'],
  ['k8s.io', pod],
  ['k8s.io', inPod],
] as const;

/** Numbers of main processes, by id, as containerd itself tells them. */
const processes = async (namespace: string): Promise<Map<string, number>> => {
  const lines = (await ctr(namespace, 'task', 'ls')).trim().split('\n').slice(1);
  return new Map(lines.map((line) => line.split(/\s+/)).map(([id = '', pid]) => [id, Number(pid)]));
};

beforeAll(async () => {
  mkdirSync(join(rootfs, 'bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  const config = join(folder, 'config.toml');
  writeFileSync(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  const flags = ['--config', config, '--root', join(folder, 'root'), '--state', state, '--address', socket];
  daemon = spawn('containerd', flags, { stdio: 'ignore' });
  await until('containerd answers', () =>
    ctr('default', 'version').then(
      () => true,
      () => false,
    ),
  );
  await start('default', 'plain', {});
  await start(
    'default',
    'web-1',
    {
      'nerdctl/name': 'web',
      'nerdctl/networks': '["lab"]',
      'nerdctl/ports': '[{"HostPort":8088,"ContainerPort":80,"Protocol":"tcp","HostIP":"0.0.0.0"}]',
    },
    '--net-host',
  );
  const ofPod = {
    'io.kubernetes.cri.sandbox-id': pod,
    'io.kubernetes.cri.sandbox-name': 'shop',
    'io.kubernetes.cri.sandbox-namespace': 'prod',
  };
  await start('k8s.io', pod, { ...ofPod, 'io.kubernetes.cri.container-type': 'sandbox' });
  const netns = `/proc/${(await processes('k8s.io')).get(pod)}/ns/net`;
  await start(
    'k8s.io',
    inPod,
    {
      ...ofPod,
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.container-name': 'cart',
    },
    '--with-ns',
    `network:${netns}`,
  );
});

afterAll(async () => {
  for (const [namespace, id] of containers) {
    await ctr(namespace, 'task', 'delete', '--force', id).catch(() => undefined);
    await ctr(namespace, 'container', 'delete', id).catch(() => undefined);
  }
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

describe('containerd', () => {
  it('is known by its files as by its own client', async () => {
    const pids = new Map([...(await processes('default')), ...(await processes('k8s.io'))]);
    expect(pids.size).toBe(containers.length);
    const found = readContainerd(state)?.containers ?? [];
    const told = found.map(({ id, name, pid, networkMode, publishedPorts }) => ({
      id,
      name,
      pid,
      networkMode,
      publishedPorts,
    }));
    expect(told.sort((one, other) => (one.name < other.name ? -1 : 1))).toEqual([
      { id: 'plain', name: 'plain', pid: pids.get('plain'), networkMode: 'none', publishedPorts: [] },
      { id: pod, name: 'prod/shop', pid: pids.get(pod), networkMode: 'none', publishedPorts: [] },
      {
        id: inPod,
        name: 'prod/shop/cart',
        pid: pids.get(inPod),
        networkMode: `container:${pod}`,
        publishedPorts: [],
      },
      {
        id: 'web-1',
        name: 'web',
        pid: pids.get('web-1'),
        networkMode: 'host',
        publishedPorts: [{ protocol: 'tcp', hostPort: 8088, containerPort: 80 }],
      },
    ]);
  });

  it('gives the inspector the names of its containers', async () => {
    // Its state lies elsewhere than an engine's of this machine.
    const script =
      'mount -t tmpfs none /run; mkdir /run/containerd; mount --bind "$0" /run/containerd; exec "$@"';
    const ask = async (name: string) => {
      const words = ['--mount', 'sh', '-ec', script, state, tsnet, 'inspect', 'container', name, '--json'];
      return JSON.parse(await run('unshare', words)) as { readonly netns: unknown };
    };
    const shop = await ask('prod/shop');
    const pid = (await processes('k8s.io')).get(pod);
    expect(shop).toMatchObject({ name: 'prod/shop', engine: 'containerd', pid, mode: 'none' });
    const cart = await ask('prod/shop/cart');
    expect(cart).toMatchObject({ mode: 'container', owner: 'prod/shop', netns: shop.netns });
  });

  it('is silent about what is not there', () => {
    expect(readContainerd(join(folder, 'nowhere'))).toBeUndefined();
  });
});
