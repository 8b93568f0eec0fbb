import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Examination } from '../../../src/inspect/doctor/index.ts';
import type { PortReport } from '../../../src/inspect/port/index.ts';
import { lanAddresses, testImage, type Engine } from '../../support/engine.ts';
import { CommandError, type Run } from '../../support/engine-run.ts';
import { httpGet, httpWhoami } from '../../support/traffic.ts';

/** Addresses of the engine's host and of its neighbour. */
export const hostIp = lanAddresses.engine.ipv4;
export const lanIp = lanAddresses.lan.ipv4;

/** What faults are made and healed with: network `app` at bridge `br-app`, containers `cli` and `web`. */
export interface Rig {
  readonly engine: Engine;
  /** A folder with an `index.html` that says `lan`, and a script `answer` that says so to a request. */
  readonly pages: string;
  readonly docker: Engine['docker'];
  readonly host: Run;
  readonly lan: Run;
  /** Commands in the network namespace of a container, with the host's programs. */
  readonly within: (container: string) => Promise<Run>;
  /** Makes `web` anew, on network `app`, and waits a moment; the arguments of `docker run`, then its command. */
  readonly web: (flags?: readonly string[], command?: readonly string[]) => Promise<void>;
  readonly addressOf: (container: string) => Promise<string>;
  /** The end of a container's link on the host. */
  readonly hostLinkOf: (container: string) => Promise<string>;
  /** `tsnet inspect port …` */
  readonly inspectPort: (...args: string[]) => Promise<PortReport>;
  /** `tsnet doctor`, with global flags. */
  readonly doctor: (...flags: string[]) => Promise<Examination>;
  /** A web server of the host that says `lan`, at an address of socat(1) such as `7000,bind=127.0.0.1`; gives its end. */
  readonly serve: (address: string) => Promise<() => Promise<void>>;
  /** Runs commands as they were printed. */
  readonly apply: (commands: readonly string[]) => Promise<void>;
}

/** Words for one engine. It must run with `--live-restore`, so that its restart heals what a restart heals. */
export function rigOf(engine: Engine): Rig {
  const { docker } = engine;
  const host = engine.netns.exec;
  const pidOf = (container: string) => docker('inspect', '-f', '{{.State.Pid}}', container);
  const web: Rig['web'] = async (flags = ['-p', '8088:80'], command = []) => {
    await docker('rm', '-f', 'web').catch(() => undefined);
    await docker(
      'run',
      '-d',
      '--name',
      'web',
      '--hostname',
      'web',
      '--network',
      'app',
      ...flags,
      testImage,
      ...command,
    );
    await sleep(500);
  };
  return {
    engine,
    pages: join(engine.folder, 'pages'),
    docker,
    host,
    lan: engine.lan.exec,
    within: async (container) => {
      const pid = await pidOf(container);
      return (...command) => host('nsenter', '-t', pid, '-n', ...command);
    },
    web,
    addressOf: (container) =>
      docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container),
    hostLinkOf: async (container) => {
      const shown = await host(
        'nsenter',
        '-t',
        await pidOf(container),
        '-n',
        'ip',
        '-o',
        'link',
        'show',
        'eth0',
      );
      const index = /@if(\d+)/.exec(shown)?.[1] ?? '';
      const links = (await host('ip', '-o', 'link')).split('\n');
      const line = links.find((each) => each.startsWith(`${index}: `)) ?? '';
      return /^\d+: ([^@:]+)/.exec(line)?.[1] ?? '';
    },
    inspectPort: async (...args) => (await jsonOf(engine, 'inspect', 'port', ...args)) as PortReport,
    doctor: async (...flags) => (await jsonOf(engine, ...flags, 'doctor')) as Examination,
    serve: async (address) => {
      const reply = `SYSTEM:sh ${join(engine.folder, 'pages/answer')}`;
      const listen = `TCP4-LISTEN:${address},fork,reuseaddr`;
      const background = '"$@" >/dev/null 2>&1 </dev/null & echo $!';
      const pid = await host('bash', '-c', background, 'bash', 'socat', listen, reply);
      await sleep(400);
      return async () => {
        await host('kill', pid).catch(() => undefined);
        await sleep(100);
      };
    },
    apply: async (commands) => {
      for (const command of commands) {
        // There is no service manager where the engine of a test runs.
        if (command === 'systemctl restart docker') await engine.restartEngine();
        else if (command === 'tsnet reconcile') await engine.tsnet('reconcile');
        else await host('sh', '-c', command);
      }
    },
  };
}

/** What `tsnet --json …` prints, whatever its exit status. */
async function jsonOf(engine: Engine, ...args: string[]): Promise<unknown> {
  const text = await engine.tsnet('--json', ...args).catch((error: unknown) => {
    if (error instanceof CommandError && error.stdout !== '') return error.stdout;
    throw error;
  });
  const value = JSON.parse(text) as object;
  if ('error' in value) throw new Error(`tsnet ${args.join(' ')}: ${text}`);
  return value;
}

/** Whether the web server answers a machine of the LAN through the published port. */
export async function answersLan({ lan }: Rig, port = 8088): Promise<boolean> {
  return await answers(lan, `http://${hostIp}:${port}/`);
}

export async function answersLoopback({ host }: Rig, port = 8088): Promise<boolean> {
  return await answers(host, `http://127.0.0.1:${port}/`);
}

/** Whether `web` answers `cli` at its own address. */
export async function answersCli(rig: Rig): Promise<boolean> {
  const cli = rig.engine.container('cli');
  return await answers(cli, `http://${await rig.addressOf('web')}/`);
}

/** Whether `cli` gets an answer from outside: a web server on the LAN. */
export async function answersOut(rig: Rig): Promise<boolean> {
  return await answers(rig.engine.container('cli'), `http://${lanIp}:9000/`, 'lan');
}

/** Whether `web` sees a machine of the LAN with its own address. */
export async function seesClient({ lan }: Rig): Promise<boolean> {
  return (await httpWhoami(lan, `${hostIp}:8088`).catch(() => '')) === lanIp;
}

export async function answers(run: Run, url: string, text = 'web'): Promise<boolean> {
  return (await httpGet(run, url).catch(() => '')) === text;
}

/** Makes what servers outside of containers say. */
export async function makePages({ pages }: Rig): Promise<void> {
  await mkdir(pages);
  await writeFile(join(pages, 'index.html'), 'lan');
  await writeFile(join(pages, 'answer'), "read -r request\nprintf 'HTTP/1.0 200 OK\\r\\n\\r\\nlan'\n");
}
