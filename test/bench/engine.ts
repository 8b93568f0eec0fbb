import { request } from 'node:http';
import { join } from 'node:path';
import { startEngine, testImage, type Engine } from '../support/engine.ts';
import type { Part } from './bench.ts';
import { distributionOf, timed, type Distribution } from './figures.ts';

const connects = 25;
const starts = 12;
const drivers = ['tsnet', 'bridge'] as const;
const kinds = ['tsnet', 'bridge', 'none'] as const;

type Driver = (typeof drivers)[number];
type Kind = (typeof kinds)[number];

/** What people wait for: an engine's own commands with our driver, beside the bridge driver it comes with. */
export const engine: Part = async ({ scope, progress }) => {
  progress('starting a Docker Engine');
  const host = scope.use(await startEngine());
  await host.startDaemon();
  const version = await host.docker('version', '-f', '{{.Server.Version}}');
  const create = (name: string, subnet: string, ...flags: string[]) =>
    host.docker('network', 'create', '--subnet', subnet, ...flags, name);
  await create('bridge-net', '10.1.0.0/24', '-d', 'bridge');
  await create('tsnet-net', '10.2.0.0/24', '-d', 'tsnet', '--ipam-driver', 'tsnet');
  progress('docker network connect and disconnect');
  const { connect, disconnect } = await measureConnects(host);
  progress('docker start with one published port');
  const start = await measureStarts(host);
  const peer = (of: Record<Driver, number[]>) => ({
    ours: distributionOf(of.tsnet),
    peer: distributionOf(of.bridge),
  });
  return [
    {
      title: `Docker Engine ${version}, over its API`,
      notes: [
        'peer: its driver bridge, alternating',
        'start: one published port; what --network none takes is subtracted',
      ],
      figures: [
        { what: 'network connect, running container', unit: 'ms', ...peer(connect) },
        { what: 'network disconnect', unit: 'ms', ...peer(disconnect) },
        {
          what: 'container start, over --network none',
          unit: 'ms',
          ours: over(start.tsnet, start.none),
          peer: over(start.bridge, start.none),
        },
        {
          what: 'container start, all of it',
          unit: 'ms',
          ours: distributionOf(start.tsnet),
          peer: distributionOf(start.bridge),
        },
        { what: '  with --network none', unit: 'ms', ours: distributionOf(start.none) },
      ],
    },
  ];
};

async function measureConnects(
  host: Engine,
): Promise<Record<'connect' | 'disconnect', Record<Driver, number[]>>> {
  const results = {
    connect: { tsnet: [], bridge: [] } as Record<Driver, number[]>,
    disconnect: { tsnet: [], bridge: [] } as Record<Driver, number[]>,
  };
  await host.docker('run', '-d', '--name', 'traveller', testImage, 'sleep', '86400');
  for (let round = -1; round < connects; round++) {
    for (const driver of drivers) {
      const path = `/networks/${driver}-net`;
      const body = { Container: 'traveller' };
      const connect = await timed(() => ask(host, 'POST', `${path}/connect`, body));
      const disconnect = await timed(() => ask(host, 'POST', `${path}/disconnect`, body));
      if (round < 0) continue;
      results.connect[driver].push(connect);
      results.disconnect[driver].push(disconnect);
    }
  }
  await host.docker('rm', '-f', 'traveller');
  return results;
}

async function measureStarts(host: Engine): Promise<Record<Kind, number[]>> {
  const times: Record<Kind, number[]> = { tsnet: [], bridge: [], none: [] };
  for (let round = -1; round < starts; round++) {
    for (const kind of kinds) {
      const { Id } = await ask(host, 'POST', '/containers/create', {
        Image: testImage,
        Cmd: ['sleep', '86400'],
        ExposedPorts: { '80/tcp': {} },
        HostConfig: {
          NetworkMode: kind === 'none' ? kind : `${kind}-net`,
          PortBindings: kind === 'none' ? {} : { '80/tcp': [{ HostPort: '8080' }] },
        },
      });
      const start = await timed(() => ask(host, 'POST', `/containers/${String(Id)}/start`));
      if (round >= 0) times[kind].push(start);
      await ask(host, 'DELETE', `/containers/${String(Id)}?force=1`);
    }
  }
  return times;
}

/** What the times exceed the middle of others by. */
function over(times: readonly number[], others: readonly number[]): Distribution {
  const { p50 } = distributionOf(others);
  return distributionOf(times.map((time) => time - p50));
}

/** Asks the engine over its socket. @throws Error with its answer when it refuses */
function ask(
  { folder }: Engine,
  method: string,
  path: string,
  body: object = {},
): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const content = JSON.stringify(body);
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) };
    const asked = request(
      { socketPath: join(folder, 'run/docker.sock'), method, path, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          if ((response.statusCode ?? 0) >= 300) reject(new Error(`${method} ${path}: ${text}`));
          else resolve((text === '' ? {} : safeParse(text)) as Readonly<Record<string, unknown>>);
        });
      },
    );
    asked.once('error', reject);
    asked.end(content);
  });
}

/** Some answers are plain words. */
function safeParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
