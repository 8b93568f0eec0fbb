import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Finding } from '../../src/inspect/finding.ts';
import type { PortReport } from '../../src/inspect/port/index.ts';
import type { ContainerReport, NetworkReport, Overview } from '../../src/inspect/views/index.ts';
import { startEngine, testImage, type Engine } from '../support/engine.ts';

const program = join(import.meta.dirname, '../../dist/tsnet');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.startDaemon();
  for (const [name, subnet] of [
    ['n1', '10.88.0.0/24'],
    ['n2', '10.89.0.0/24'],
  ] as const)
    await engine.docker(
      'network',
      'create',
      '-d',
      'tsnet',
      '--ipam-driver',
      'tsnet',
      '--subnet',
      subnet,
      name,
    );
  const ports = ['-p', '8080:80', '-p', '127.0.0.1:5353:53/udp', '-p', '8000-8002:9000-9002'];
  await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', ...ports, testImage);
  await engine.docker('network', 'connect', 'n2', 'web');
  await engine.docker('run', '-d', '--name', 'plain', testImage);
  await engine.docker('create', '--name', 'idle', '--network', 'n2', testImage);
});
afterAll(async () => {
  await engine.docker('rm', '-f', 'web', 'plain', 'idle');
  await engine.docker('network', 'rm', 'n1', 'n2');
  await engine.stopDaemon();
  expect(await engine.leftovers()).toEqual([]);
  await engine[Symbol.asyncDispose]();
});

it('prints what docker ps leaves out, in 100 columns', async () => {
  const lines = (await engine.tsnet('ps')).split('\n');
  expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
    ['CONTAINER', 'IMAGE', 'STATE', 'NETWORK', 'ADDRESS', 'PORTS'],
    ['web', testImage, 'running', 'n1', '10.88.0.2/24', '0.0.0.0:8080->80/tcp'],
    ['', '0.0.0.0:8000-8002->9000-9002/tcp'],
    ['', '127.0.0.1:5353->53/udp'],
    ['', 'n2', '10.89.0.2/24'],
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
});

it('prints containers that do not run with --all, and JSON', async () => {
  expect(await engine.tsnet('ps', '--all')).toMatch(/^idle +tsnet-test +created +n2 +-$/m);
  const rows = JSON.parse(await engine.tsnet('ps', '--json')) as object[];
  expect(rows).toMatchObject([
    {
      container: 'web',
      image: testImage,
      state: 'running',
      networks: [
        {
          name: 'n1',
          addresses: ['10.88.0.2/24'],
          ports: ['0.0.0.0:8080->80/tcp', '0.0.0.0:8000-8002->9000-9002/tcp', '127.0.0.1:5353->53/udp'],
        },
        { name: 'n2', addresses: ['10.89.0.2/24'], ports: [] },
      ],
    },
  ]);
});

it('names endpoints when no engine answers', async () => {
  const place = ['--state-dir', join(engine.folder, 'state')];
  const text = await engine.netns.exec('env', 'DOCKER_HOST=unix:///nonexistent', program, ...place, 'ps');
  expect(text).toMatch(/^[0-9a-f]{12} +- +- +[0-9a-f]{12} +10\.88\.0\.2\/24 +0\.0\.0\.0:8080->80\/tcp$/m);
});

it('has the inspector name each container and network once, beside a sandbox of its own', async () => {
  await engine.tsnet('run', '-d', '--name', 'beside-docker', '--network', 'none', '--', 'sleep', '300');
  const overview = JSON.parse(await engine.tsnet('inspect', '--json')) as Overview;
  expect(overview.engines.map(({ kind }) => kind)).toEqual(['docker', 'tsnet']);
  expect(overview.counts).toMatchObject({ containers: 4, running: 3 });
  expect(overview.isolated).toMatchObject([{ name: 'beside-docker', engine: 'tsnet' }]);
  const named = overview.bridges.flatMap(({ network }) => (network === undefined ? [] : [network]));
  expect(named.map(({ name, engine: whose }) => `${name} of ${whose}`).sort()).toEqual([
    'bridge of docker',
    'n1 of docker',
    'n2 of docker',
  ]);
  await engine.tsnet('rm', '-f', 'beside-docker');
  const after = JSON.parse(await engine.tsnet('inspect', '--json')) as Overview;
  expect(after.engines.map(({ kind }) => kind)).toEqual(['docker']);
});

it('has the inspector know the host ports that were chosen, which Docker is not told', async () => {
  const flags = ['-p', '80', '-p', '127.0.0.1::81', '--expose', '82', '-P'];
  await engine.docker('run', '-d', '--name', 'chosen', '--network', 'n2', ...flags, testImage);
  try {
    expect(await engine.docker('port', 'chosen')).toBe('');
    const ports = JSON.parse(await engine.tsnet('port', 'chosen', '--json')) as ContainerReport['published'];
    const report = JSON.parse(
      await engine.tsnet('inspect', 'container', 'chosen', '--json'),
    ) as ContainerReport;
    expect(report.published.map(({ containerPort }) => containerPort)).toEqual([80, 81, 82]);
    expect(ports).toMatchObject(report.published);
    const overview = JSON.parse(await engine.tsnet('inspect', '--json')) as Overview;
    const told = overview.published.filter(({ container }) => container === 'chosen');
    const hostPorts = new Set(ports.map((port) => port.hostPort));
    expect(hostPorts.size).toBe(3);
    expect(new Set(told.map((port) => port.hostPort))).toEqual(hostPorts);
    expect(overview.published.filter(({ hostPort }) => hostPort === 8080)).toHaveLength(1);

    const place = `--state-dir ${join(engine.folder, 'state')}`;
    const ask = async (port: number | undefined): Promise<PortReport> =>
      JSON.parse(
        await engine.netns.exec('sh', '-c', `${program} ${place} inspect port ${port} --json; true`),
      ) as PortReport;
    const hostPort = ports.find(({ containerPort }) => containerPort === 80)?.hostPort;
    const claimed = await ask(hostPort);
    expect(claimed).toMatchObject({ verdict: 'works', causes: [] });
    expect(claimed.ways[0]?.hops[0]).toMatchObject({
      stage: 'published',
      message: expect.stringContaining('→ chosen:80'),
    });
    const [cause] = (await ask(80)).causes;
    expect(cause?.finding.code).toBe('port.other-host-port');
    const { findings } = JSON.parse(
      await engine.netns.exec('sh', '-c', `${program} ${place} doctor --json; true`),
    ) as { readonly findings: readonly Finding[] };
    expect(findings.filter(({ code }) => code.startsWith('nat.'))).toEqual([]);
  } finally {
    await engine.docker('rm', '-f', 'chosen');
  }
});

it("takes Docker's network before one of tsnet with the same name", async () => {
  await engine.tsnet('run', '--rm', '--', 'true');
  try {
    const inspect = async (name: string): Promise<NetworkReport> =>
      JSON.parse(await engine.tsnet('inspect', 'network', name, '--json')) as NetworkReport;
    const [ours] = (await inspect('bridge')).namesakes;
    expect(await inspect('bridge')).toMatchObject({ engine: 'docker', driver: 'bridge' });
    expect(await inspect(ours?.id ?? '')).toMatchObject({ engine: 'tsnet', name: 'bridge' });
    const hint = `of this name, too: tsnet inspect network ${ours?.id.slice(0, 12)} (tsnet)`;
    expect(await engine.tsnet('inspect', 'network', 'bridge')).toContain(hint);
  } finally {
    await engine.tsnet('network', 'rm', 'bridge');
  }
});
