import { writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage, type Engine, type EngineOptions } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';
import { httpWhoami, ping } from '../support/traffic.ts';

const { engine: host, lan } = lanAddresses;

async function startHost(options: EngineOptions = {}): Promise<Engine> {
  const engine = await startEngine(options);
  await engine.startDaemon();
  const flags = ['--ipam-driver', 'tsnet', '--subnet', '10.88.0.0/24'];
  await engine.docker('network', 'create', '-d', 'tsnet', ...flags, 'n1');
  return engine;
}

function isReached(engine: Engine): Promise<void> {
  return until(
    'web is reached from the LAN',
    async () => (await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)) === lan.ipv4,
    30_000,
  );
}

async function endWell(engine: Engine): Promise<void> {
  const containers = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (containers.length > 0) await engine.docker('rm', '-f', ...containers);
  await engine.docker('network', 'rm', 'n1');
  await engine.tsnet('gc', '--older-than', '0');
  expect(await engine.leftovers()).toEqual([]);
  expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
}

it('the daemon is killed again and again while containers come and go', async () => {
  await using engine = await startHost();
  await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', '-p', '8080:80', testImage);
  await isReached(engine);
  const over = new AbortController();
  const outcomes = { started: 0, failed: 0 };
  const load = async (name: string): Promise<void> => {
    while (!over.signal.aborted) {
      await engine.docker('run', '-d', '--name', name, '--network', 'n1', '-p', '80', testImage).then(
        () => (outcomes.started += 1),
        () => (outcomes.failed += 1),
      );
      await engine.docker('rm', '-f', name).catch(() => '');
    }
  };
  const loads = ['one', 'two', 'three'].map(load);
  for (let round = 0; round < 5; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 700 + 311 * round));
    await engine.stopDaemon('SIGKILL');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await engine.startDaemon();
  }
  over.abort();
  await Promise.all(loads);
  expect(outcomes.started).toBeGreaterThan(0);
  await isReached(engine);
  await endWell(engine);
});

describe('the engine is killed', () => {
  it('with live-restore: containers go on, and can be removed afterwards', async () => {
    await using engine = await startHost({ daemonFlags: ['--live-restore'] });
    await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', '-p', '8080:80', testImage);
    await isReached(engine);
    await engine.haltEngine('SIGKILL');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await engine.resumeEngine(['--live-restore']);
    await isReached(engine);
    expect(await engine.tsnet('gc', '--older-than', '0')).toBe('');
    await isReached(engine);
    await endWell(engine);
  });

  it('without: containers are started again, and nothing of their former life is left', async () => {
    await using engine = await startHost();
    const again = ['--restart', 'always'];
    await engine.docker(
      'run',
      '-d',
      '--name',
      'web',
      ...again,
      '--network',
      'n1',
      '-p',
      '8080:80',
      testImage,
    );
    await engine.docker('run', '-d', '--name', 'gone', '--network', 'n1', testImage);
    await isReached(engine);
    const started = performance.now();
    await engine.restartEngine('SIGKILL');
    // It stops what is left of the containers, which may take ten seconds, but never waits for us.
    expect(performance.now() - started).toBeLessThan(25_000);
    await isReached(engine);
    await engine.tsnet('gc', '--older-than', '0');
    const endpoints = JSON.parse(await engine.tsnet('endpoint', 'ls', '--json')) as { container: string }[];
    expect(endpoints.map(({ container }) => container)).toEqual(['web']);
    await endWell(engine);
  });
});

it('the host reboots: networks are there again before the first container starts', async () => {
  await using engine = await startHost();
  const again = ['--restart', 'always'];
  await engine.docker('run', '-d', '--name', 'web', ...again, '--network', 'n1', '-p', '8080:80', testImage);
  await engine.docker('run', '-d', '--name', 'client', ...again, '--network', 'n1', testImage);
  await isReached(engine);
  const pids = (await engine.docker('inspect', '-f', '{{.State.Pid}}', 'web', 'client')).split('\n');
  await engine.haltEngine('SIGKILL');
  await engine.stopDaemon('SIGKILL');
  await engine.netns.exec('kill', '-KILL', ...pids);
  const links = JSON.parse(await engine.netns.exec('ip', '-j', 'link')) as { ifname: string }[];
  for (const { ifname } of links.filter((link) => /^ts[bv]-/.test(link.ifname)))
    await engine.netns.exec('ip', 'link', 'delete', ifname).catch(() => '');
  await engine.netns.exec('nft', 'flush', 'ruleset');
  await engine.netns.exec('sh', '-c', 'rm -rf /run/tsnet; echo 0 >/proc/sys/net/ipv4/ip_forward');
  const bootId = join(engine.folder, 'boot-id');
  await writeFile(bootId, `${randomUUID()}\n`);
  await engine.netns.exec('mount', '--bind', bootId, '/proc/sys/kernel/random/boot_id');

  await engine.startDaemon();
  expect(JSON.parse(await engine.tsnet('endpoint', 'ls', '--json'))).toEqual([]);
  await engine.resumeEngine();
  await isReached(engine);
  await ping(engine.container('client'), 'web');
  await endWell(engine);
});

it('a container that is started while the daemon is down fails and says why, and starts later', async () => {
  await using engine = await startHost();
  await engine.stopDaemon('SIGKILL');
  const said = await engine.dockerFails('run', '-d', '--name', 'web', '--network', 'n1', testImage);
  expect(said).toContain('/run/docker/plugins/tsnet.sock: connect: connection refused');
  await engine.docker('rm', '-f', 'web');
  await engine.startDaemon();
  await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', '-p', '8080:80', testImage);
  await isReached(engine);
  await endWell(engine);
});
