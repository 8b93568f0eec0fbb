import { join } from 'node:path';
import { timed } from './figures.ts';
import type { Scope } from './scope.ts';
import { Shell } from './shell.ts';

/** One plugin of a chain. */
export interface CniPlugin {
  /** Where its executable is, which has the name of its type. */
  readonly folder: string;
  readonly config: { readonly type: string } & Readonly<Record<string, unknown>>;
}

/** A chain and the containers that it attaches. */
export interface CniChainOptions {
  readonly plugins: readonly CniPlugin[];
  readonly environment: Readonly<Record<string, string>>;
  /** Paths of the containers' network namespaces. */
  readonly netns: readonly string[];
}

const firstPort = 8080;

/** What does the same by the reference plugins. Addresses are kept in the folder. */
export function referenceChain(dataDir: string): CniPlugin[] {
  const folder = '/usr/lib/cni';
  const ipam = { type: 'host-local', dataDir, ranges: [[{ subnet: '10.45.0.0/16' }]] };
  return [
    { folder, config: { type: 'bridge', bridge: 'cni0', isDefaultGateway: true, ipMasq: true, ipam } },
    { folder, config: { type: 'portmap', snat: true } },
    { folder, config: { type: 'firewall' } },
  ];
}

/** Calls a chain of plugins as libcni does: one process each, every result given to the next one. */
export class CniChain {
  readonly #shell: Shell;
  readonly #options: CniChainOptions;
  /** By container. */
  readonly #results: unknown[] = [];

  private constructor(shell: Shell, options: CniChainOptions) {
    this.#shell = shell;
    this.#options = options;
  }

  /** Prepares one in the network namespace of that path. */
  static async start(scope: Scope, host: string, options: CniChainOptions): Promise<CniChain> {
    const shell = Shell.start(scope, host);
    const variables = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/usr/lib/cni',
      ...options.environment,
    };
    const words = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
    // The same shell with a clean environment: it goes on reading where this one stops.
    await shell.run([`exec env -i ${words.join(' ')} bash`]);
    return new CniChain(shell, options);
  }

  /** Attaches a container. @returns milliseconds @throws Error when a plugin fails */
  async add(container: number): Promise<number> {
    this.#results[container] = undefined;
    let ms = 0;
    for (const plugin of this.#options.plugins) {
      let answer = '';
      const command = this.#command('ADD', container, plugin);
      ms += await timed(async () => (answer = await this.#shell.run([command])));
      this.#results[container] = JSON.parse(answer) as unknown;
    }
    return ms;
  }

  /** Detaches it. @returns milliseconds @throws Error when a plugin fails */
  async del(container: number): Promise<number> {
    let ms = 0;
    for (const plugin of this.#options.plugins.toReversed()) {
      const command = this.#command('DEL', container, plugin);
      ms += await timed(() => this.#shell.run([command]));
    }
    return ms;
  }

  #command(verb: string, container: number, { folder, config }: CniPlugin): string {
    const result = this.#results[container];
    const input = JSON.stringify({
      cniVersion: '1.0.0',
      name: 'bench',
      ...config,
      capabilities: { portMappings: true },
      runtimeConfig: {
        portMappings: [{ hostPort: firstPort + container, containerPort: 80, protocol: 'tcp' }],
      },
      ...(result === undefined ? {} : { prevResult: result }),
    });
    const netns = this.#options.netns[container] ?? '';
    const variables = `CNI_COMMAND=${verb} CNI_CONTAINERID=c${container} CNI_NETNS='${netns}'`;
    return `${variables} ${join(folder, config.type)} <<'END'\n${input}\nEND\ntrue`;
  }
}
