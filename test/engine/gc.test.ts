import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEngine, testImage, type Engine } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';

const program = join(import.meta.dirname, '../../dist/tsnet');
const subnet = ['--subnet', '10.88.0.0/24'];

/** An engine with a network of tsnet and a container in it, of which the daemon has noted whose they are. */
async function startHost(): Promise<Engine> {
  const engine = await startEngine();
  await engine.startDaemon();
  await createNetwork(engine, 'n1', ...subnet);
  await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', '-p', '8080:80', testImage);
  await isNoted(engine);
  return engine;
}

async function createNetwork(engine: Engine, name: string, ...flags: string[]): Promise<void> {
  await engine.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', ...flags, name);
}

async function isNoted(engine: Engine): Promise<void> {
  await until('the engine is noted', async () => {
    const dump = JSON.parse(await engine.tsnet('state', 'dump')) as Record<string, { value: object }>;
    return Object.entries(dump).every(
      ([key, { value }]) => !/^(?:network|pool)\//.test(key) || 'engine' in value,
    );
  });
}

async function endWell(engine: Engine): Promise<void> {
  expect(await engine.leftovers()).toEqual([]);
  expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
}

// Each call of the engine that we miss costs it 15 seconds, in which nothing else happens.
describe.concurrent('what an engine had to say while the daemon was down', () => {
  it('is found out by the daemon when it is back, without haste', async () => {
    await using engine = await startHost();
    await engine.stopDaemon('SIGKILL');
    await engine.docker('rm', '-f', 'web');
    await engine.docker('network', 'rm', 'n1');
    const before = await engine.leftovers();
    expect(before.join('\n')).toMatch(/link ts[bv]-/);
    const said = await engine.tsnet('gc', '--dry-run');
    expect(said).toMatch(/^network [0-9a-f]{12} \(tsb-[0-9a-f]{10}\): the engine has it no longer$/m);
    expect(await engine.leftovers()).toEqual(before);
    await engine.startDaemon();
    await until('nothing is left', async () => (await engine.leftovers()).length === 0, 60_000);
    expect(await engine.daemonLog()).toMatch(/"message":"removed","what":"network/);
    await createNetwork(engine, 'n1', ...subnet);
    await engine.docker('network', 'rm', 'n1');
    await endWell(engine);
  });

  it('is found out by tsnet gc: an endpoint goes, its network stays', async () => {
    await using engine = await startHost();
    await engine.docker('run', '-d', '--name', 'other', '--network', 'n1', testImage);
    await engine.stopDaemon('SIGKILL');
    await engine.docker('rm', '-f', 'web');
    const { removed } = JSON.parse(await engine.tsnet('gc', '--json', '--older-than', '0')) as {
      removed: { kind: string; record: { addresses: string[] } }[];
    };
    expect(removed.map(({ kind, record }) => [kind, record.addresses])).toEqual([
      ['endpoint', ['10.88.0.2/24']],
    ]);
    expect(await engine.tsnet('gc', '--older-than', '0')).toBe('');
    await engine.startDaemon();
    const same = ['--ip', '10.88.0.2', '-p', '8080:80'];
    await engine.docker('run', '-d', '--name', 'again', '--network', 'n1', ...same, testImage);
    await engine.docker('rm', '-f', 'other', 'again');
    await engine.docker('network', 'rm', 'n1');
    await endWell(engine);
  });

  it('is found out for networks of other drivers that take our addresses', async () => {
    await using engine = await startHost();
    const own = ['-d', 'bridge', '--ipam-driver', 'tsnet', '--subnet', '10.89.0.0/24'];
    await engine.docker('network', 'create', ...own, '--aux-address', 'router=10.89.0.9', 'plain');
    await engine.docker('run', '-d', '--name', 'guest', '--network', 'plain', testImage);
    await isNotedByGc(engine);
    expect(await engine.tsnet('gc', '--older-than', '0')).toBe('');
    await engine.stopDaemon('SIGKILL');
    await engine.docker('rm', '-f', 'guest');
    expect(await engine.tsnet('gc', '--older-than', '0')).toMatch(
      /^address 10\.89\.0\.2 of pool local\/10\.89\.0\.0\/24: no container has this address$/,
    );
    await engine.docker('network', 'rm', 'plain');
    expect(await engine.tsnet('gc', '--older-than', '0')).toMatch(/^pool local\/10\.89\.0\.0\/24: /);
    await engine.startDaemon();
    await engine.docker('rm', '-f', 'web');
    await engine.docker('network', 'rm', 'n1');
    await endWell(engine);
  });

  it('is not believed from another engine', async () => {
    await using engine = await startHost();
    await using stranger = await startEngine();
    const places = ['--state-dir', join(engine.folder, 'state'), '--run-dir', '/run/tsnet'];
    const elsewhere = `DOCKER_HOST=unix://${stranger.folder}/run/docker.sock`;
    const command = [program, ...places, 'gc', '--json', '--older-than', '0'];
    const said = JSON.parse(await engine.netns.exec('env', elsewhere, ...command)) as Record<string, unknown>;
    expect(said).toMatchObject({ removed: [], left: [{ bridge: expect.stringMatching(/^tsb-/) as string }] });
    expect(said['engine']).not.toBeNull();
    await engine.docker('rm', '-f', 'web');
    await engine.docker('network', 'rm', 'n1');
    await endWell(engine);
  });
});

/** A network of another driver is no record of ours: whose its pool is, is noted at the next look. */
async function isNotedByGc(engine: Engine): Promise<void> {
  await engine.tsnet('gc', '--dry-run');
  await isNoted(engine);
}
