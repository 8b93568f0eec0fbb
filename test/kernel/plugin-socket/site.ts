import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createDaemon, type Daemon } from '../../support/daemon.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { start, type Outcome, type Started } from './executable.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');

/** A host with a network of CNI, and containers to attach. */
export interface Site extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly containers: readonly Netns[];
  start(verb: string, container: number, more?: object): Started;
  call(verb: string, container: number, more?: object): Promise<Outcome>;
  /** What is in the host's namespace and in those of the containers. */
  facts(): Promise<unknown>;
  endpoints(): unknown[];
}

/**
 * Makes one, with the network there already: like that of the reference plugins it stays when its containers go.
 *
 * @param built another `dist/tsnet` for the daemon
 */
export async function createSite(hasDaemon: boolean, count: number, built?: string): Promise<Site> {
  const host = await createNetns('plugin');
  const containers = await Promise.all(Array.from({ length: count }, () => createNetns('pod')));
  const daemon = createDaemon(host, built);
  if (hasDaemon) await daemon.start();
  const places = { TSNET_STATE_DIR: join(daemon.folder, 'state'), TSNET_RUN_DIR: daemon.runDirectory };
  const begin: Site['start'] = (verb, index, more = {}) =>
    start({
      host: host.path,
      env: {
        ...places,
        CNI_COMMAND: verb,
        CNI_CONTAINERID: `c${index}`,
        CNI_IFNAME: 'eth0',
        CNI_NETNS: containers[index]?.path ?? '',
        CNI_PATH: '/usr/lib/cni',
      },
      stdin: JSON.stringify({ ...configuration(10_000 + index), ...more }),
    });
  const call: Site['call'] = (...words) => begin(...words).outcome;
  for (const verb of ['ADD', 'DEL']) {
    const { code, stdout } = await call(verb, 0);
    if (code !== 0) throw new Error(`${verb}: ${stdout}`);
  }
  return {
    daemon,
    containers,
    start: begin,
    call,
    async facts() {
      const inside = await Promise.all(containers.map((netns) => netns.exec('ip', '-o', 'link')));
      return {
        host: (await hostFacts(host)).flatMap(withoutCarrier),
        inside: inside.map(({ stdout }) => stdout.split('\n').length - 1),
      };
    },
    endpoints() {
      const words = [`--net=${host.path}`, program, 'endpoint', 'ls', '--json'];
      const env = { ...process.env, ...places };
      return JSON.parse(execFileSync('nsenter', words, { env, encoding: 'utf8' })) as unknown[];
    },
    async [Symbol.asyncDispose]() {
      const log = daemon.log();
      await daemon[Symbol.asyncDispose]();
      await Promise.all([host, ...containers].map((netns) => netns[Symbol.asyncDispose]()));
      // Where the executables find no daemon they do the work themselves, and nobody would notice.
      if (hasDaemon && !log.includes('plugin call')) throw new Error(`no plugin came to the daemon: ${log}`);
    },
  };
}

/** Whether the bridge has a port that is up changes by itself some time after the last one went. */
function withoutCarrier(line: string): string[] {
  if (/fe80::|ff00::/.test(line)) return [];
  return [line.replace(/<[A-Z,_-]+>/, '<>').replace(/ linkdown| state [A-Z]+/g, '')];
}

function configuration(hostPort: number): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    type: 'tsnet',
    bridge: 'cni0',
    isDefaultGateway: true,
    ipMasq: true,
    capabilities: { portMappings: true },
    ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.99.0.0/16' }]] },
    runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
  };
}
