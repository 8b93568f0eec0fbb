import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Overview } from '../../src/inspect/views/index.ts';
import { startEngine, testImage, type Engine } from '../support/engine.ts';

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
  const program = join(import.meta.dirname, '../../dist/tsnet');
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
