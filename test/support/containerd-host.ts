import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectCri, type Cri } from './cri.ts';
import { run, until, type Run } from './engine-run.ts';
import { referencePlugins } from './libcni-plugins.ts';
import { startPrivateHost, type PrivateHost, type PrivateHostOptions } from './private-host.ts';

/** The image that every host has; `scripts/lib/image` tells what it serves. */
export const podImage = 'localhost/tsnet-test:latest';

/** Where this containerd looks for CNI plugins. */
export const pluginFolder = '/run/cni-plugins';

/** Where it looks for their configuration: a pod is attached to the networks of the first two files. */
export const configFolder = '/etc/cni/net.d';

/** runc, but for limits of processors and memory, whose controllers a host may not hand on to us. */
export const runtime = '/run/runc-without-limits';

/** A host with containerd, and with nothing that could make a network for a pod yet. */
export interface ContainerdHost extends PrivateHost, Cri {
  readonly ctr: (...args: string[]) => Promise<string>;
  /** Commands in the network namespace of a pod. */
  readonly inPod: (id: string) => Run;
  /** Kills containerd as a crash would; pods stay. */
  readonly killContainerd: () => Promise<void>;
  /** Starts it and waits until it answers. */
  readonly startContainerd: () => Promise<void>;
}

/** Starts a host; takes about two seconds. Everything ends with it. */
export async function startContainerdHost(
  options: Pick<PrivateHostOptions, 'root'>,
): Promise<ContainerdHost> {
  const host = await startPrivateHost({ ...options, label: 'containerd' });
  const cri = connectCri(host.path('/run/containerd/containerd.sock'));
  const ctr: ContainerdHost['ctr'] = (...args) => host.exec('ctr', '--namespace', 'k8s.io', ...args);
  const startContainerd: ContainerdHost['startContainerd'] = async () => {
    await host.start('containerd', 'containerd', '--config', '/etc/containerd/config.toml');
    await until('containerd answers', async () => (await cri.condition('RuntimeReady')).isTrue);
  };
  await host.write('/etc/containerd/config.toml', config);
  await host.write(runtime, runcWithoutLimits, '755');
  await host.exec('mkdir', '-p', pluginFolder);
  copyFileSync(join(referencePlugins, 'loopback'), host.path(`${pluginFolder}/loopback`));
  await startContainerd();
  await importImages(host, ctr);
  for (const image of [pauseImage, podImage]) {
    await until(`containerd has ${image}`, async () => await cri.hasImage(image));
  }
  return {
    ...host,
    ...cri,
    ctr,
    inPod:
      (id) =>
      async (command, ...args) =>
        await host.exec('nsenter', `--target=${await cri.pid(id)}`, '--net', '--', command, ...args),
    startContainerd,
    killContainerd: async () => {
      const script = 'kill -KILL "$0"; while kill -0 "$0" 2>/dev/null; do sleep 0.02; done';
      await host.exec('sh', '-c', script, await host.exec('cat', '/run/containerd.pid'));
    },
  };
}

/** What holds the namespaces of a pod. */
const pauseImage = 'localhost/tsnet-pause:latest';

const config = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${pluginFolder}"
    conf_dir = "${configFolder}"
    max_conf_num = 2
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "${runtime}"
`;

const runcWithoutLimits = `#!/bin/sh
for word; do
  [ "$previous" != --bundle ] || sed -i -E 's/"(cpu|memory|pids)":\\{[^{}]*\\}/"\\1":{}/g' "$word/config.json"
  previous=$word
done
exec runc "$@"
`;

/** Both images are of one layer, in the form of `docker save`. */
async function importImages(host: PrivateHost, ctr: ContainerdHost['ctr']): Promise<void> {
  const layer = await run(join(import.meta.dirname, '../../scripts/lib/image'), []);
  const folder = '/run/images';
  const digest = (await run('sha256sum', [layer])).split(' ')[0];
  const image = (cmd: readonly string[]) =>
    JSON.stringify({
      architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch,
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: cmd },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    });
  const manifest = (name: string, tag: string) => ({
    Config: `${name}.json`,
    RepoTags: [tag],
    Layers: ['layer.tar'],
  });
  await host.write(`${folder}/pause.json`, image(['sleep', 'infinity']));
  await host.write(`${folder}/pod.json`, image(['serve']));
  const manifests = [manifest('pause', pauseImage), manifest('pod', podImage)];
  await host.write(`${folder}/manifest.json`, JSON.stringify(manifests));
  copyFileSync(layer, host.path(`${folder}/layer.tar`));
  await host.exec('tar', '--create', '--file=/run/images.tar', `--directory=${folder}`, '.');
  await ctr('images', 'import', '/run/images.tar');
}
