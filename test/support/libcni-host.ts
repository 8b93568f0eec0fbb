import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './engine-run.ts';
import type { CniError } from './libcni-exec.ts';
import { parseNetworkList, type NetworkList } from './libcni-config.ts';
import { dist, ownPlugins, referencePlugins } from './libcni-plugins.ts';
import { createLibcni, type CniResult, type Libcni, type RuntimeConf } from './libcni.ts';
import { createNetns, type Netns } from './netns.ts';

/** A host with a runtime that uses CNI: a namespace, containers, and plugins as processes of their own. */
export interface CniHost extends AsyncDisposable {
  readonly netns: Netns;
  /** Namespaces that play containers. */
  readonly boxes: readonly [Netns, Netns];
  readonly libcni: Libcni;
  /** For what reference plugins write; removed with the host. */
  readonly folder: string;
  /** Adds a plugin: a program for sh. */
  plugin(type: string, script: string): void;
  /** An attachment of one of the boxes. */
  conf(box: number, more?: Partial<RuntimeConf>): RuntimeConf;
  /** What is ours on the host: links, addresses, rules and records, one line each. */
  traces(): Promise<string[]>;
}

const command = join(dist, 'tsnet');

/** How plugins of ours do their work. */
export type PluginMode = 'with the daemon' | 'without the daemon';

/** Makes a host; the caller disposes of it. */
export async function createCniHost(mode: PluginMode = 'without the daemon'): Promise<CniHost> {
  const netns = await createNetns('cni');
  const boxes = [await createNetns('box'), await createNetns('box')] as const;
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-cni-'));
  const plugins = join(folder, 'plugins');
  mkdirSync(plugins);
  const env = { TSNET_STATE_DIR: join(folder, 'state'), TSNET_RUN_DIR: join(folder, 'run') };
  const daemon = mode === 'with the daemon' ? await startDaemon(netns, folder, env.TSNET_RUN_DIR) : undefined;
  const place = { host: netns.path, path: [plugins, ownPlugins, referencePlugins], env };
  return {
    netns,
    boxes,
    folder,
    libcni: createLibcni(place, join(folder, 'cache')),
    plugin(type, script) {
      const path = join(plugins, type);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    },
    conf: (box, more = {}) => ({
      containerId: `container-${box}`,
      netns: boxes[box]?.path ?? '',
      ifName: 'eth0',
      ...more,
    }),
    async traces() {
      const inHost = async (...command: [string, ...string[]]) =>
        (await netns.exec(...command)).stdout.split('\n');
      const dump = await netns.exec(
        'env',
        ...Object.entries(env).map((pair) => pair.join('=')),
        command,
        'state',
        'dump',
      );
      const records = Object.entries(JSON.parse(dump.stdout) as Record<string, unknown>).map(
        ([key, record]) => `record ${key} ${JSON.stringify(record)}`,
      );
      return [
        ...(await inHost('ip', '-o', 'link')).filter((line) => /veth[0-9a-f]{8}|tsv-/.test(line)),
        ...(await inHost('nft', 'list', 'ruleset')).filter((line) => line.includes('endpoint:')),
        ...(await inHost('iptables-save')).filter((line) => /CNI-(?:DN-|[0-9a-f]{24})/.test(line)),
        ...records.filter(
          (line) => /^record (?:endpoint|address|port|lease)/.test(line) && !line.includes('"gateway"'),
        ),
      ];
    },
    async [Symbol.asyncDispose]() {
      await daemon?.[Symbol.asyncDispose]();
      for (const box of boxes) await box[Symbol.asyncDispose]();
      await netns[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Runs `tsnet serve` in a namespace. Its end fails when no plugin came to it, because then its host's plugins did the
 * work themselves.
 */
async function startDaemon(netns: Netns, folder: string, runDirectory: string): Promise<AsyncDisposable> {
  const flags = {
    socket: join(folder, 'docker.sock'),
    'state-dir': join(folder, 'state'),
    'run-dir': runDirectory,
  };
  const words = Object.entries({ ...flags, 'log-level': 'debug' }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  const child = spawn('nsenter', [`--net=${netns.path}`, command, 'serve', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(child, 'exit');
  await until('tsnet serve answers', () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
    return existsSync(join(runDirectory, 'tsnet.sock'));
  });
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      if (!log.includes('plugin call')) throw new Error(`no plugin came to the daemon: ${log}`);
    },
  };
}

/** A list out of its plugins. */
export function listOf(
  plugins: readonly object[],
  more: Readonly<Record<string, unknown>> = {},
): NetworkList {
  return parseNetworkList(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins, ...more }));
}

/** The addresses of a result, in order. */
export function addressesOf(result: CniResult): readonly string[] {
  return ((result['ips'] ?? []) as readonly { readonly address: string }[]).map(({ address }) => address);
}

/** What an operation fails with. @throws when it succeeds */
export async function failureOf(operation: Promise<unknown>): Promise<CniError> {
  const outcome = await operation.then(
    () => undefined,
    (error: unknown) => error as CniError,
  );
  if (outcome === undefined) throw new Error('it should have failed');
  return outcome;
}
