import { join } from 'node:path';
import { CommandError, run, type Run } from './engine-run.ts';
import { startPrivateHost, type PrivateHost, type PrivateHostOptions } from './private-host.ts';

/** The image that every host has; `scripts/lib/image` tells what it serves. */
export const podmanImage = 'localhost/tsnet-test';

/** A host with Podman. */
export interface PodmanHost extends PrivateHost {
  readonly podman: (...args: string[]) => Promise<string>;
  /** `podman …` that must fail; gives its error output. */
  readonly podmanFails: (...args: string[]) => Promise<string>;
  /** Commands inside a container. */
  readonly container: (name: string) => Run;
}

/** How to start a host. */
export interface PodmanOptions extends Pick<PrivateHostOptions, 'root'> {
  readonly runtime: 'runc' | 'crun';
  /** Lines of the section `network` of containers.conf(5). */
  readonly network: readonly string[];
}

/**
 * Starts a host; takes about a second. Everything ends with it.
 *
 * @throws {Error} a program is missing, or the kernel lacks what it takes
 */
export async function startPodman({ runtime, network, ...options }: PodmanOptions): Promise<PodmanHost> {
  const host = await startPrivateHost({ ...options, label: 'podman' });
  const podman: PodmanHost['podman'] = (...args) => host.exec('podman', ...args);
  await host.write('/etc/containers/policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}');
  await host.write('/etc/containers/storage.conf', storageConf);
  await host.write('/etc/containers/containers.conf', containersConf(runtime, network));
  return {
    ...host,
    podman,
    podmanFails: async (...args) => {
      const output = await podman(...args).catch((error: unknown) => {
        if (error instanceof CommandError) return error;
        throw error;
      });
      if (output instanceof CommandError) return output.stderr;
      throw new Error(`podman ${args.join(' ')} should have failed but printed: ${output}`);
    },
    container:
      (name) =>
      (command, ...args) =>
        podman('exec', name, command, ...args),
  };
}

/** Imports the image; kept out of the start for hosts that need none. */
export async function importImage({ podman }: Pick<PodmanHost, 'podman'>): Promise<void> {
  const tar = await run(join(import.meta.dirname, '../../scripts/lib/image'), []);
  await podman('import', '--change', 'CMD ["serve"]', '--change', 'ENV PATH=/bin', tar, podmanImage);
}

const storageConf =
  '[storage]\ndriver="vfs"\ngraphroot="/var/lib/containers/storage"\nrunroot="/run/containers"\n';

/** Without the limits a container does not start where the host's own are lower than what Podman asks for. */
function containersConf(runtime: string, network: readonly string[]): string {
  const engine = ['cgroup_manager="cgroupfs"', 'events_logger="file"', `runtime="${runtime}"`];
  const containers = [
    'log_driver="k8s-file"',
    'pids_limit=0',
    'default_ulimits=["nofile=1024:4096","nproc=4096:4096"]',
  ];
  return ['[network]', ...network, '[engine]', ...engine, '[containers]', ...containers, ''].join('\n');
}
