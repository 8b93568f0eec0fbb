import { afterAll, beforeAll, expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage, type Engine } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';
import { httpGet, httpWhoami, ping } from '../support/traffic.ts';

const { engine: host, lan } = lanAddresses;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

it.each(['SIGTERM', 'SIGKILL'] as const)(
  'containers keep their network while the daemon is down after %s',
  async (signal) => {
    await engine.startDaemon();
    await engine.docker(
      'network',
      'create',
      '-d',
      'tsnet',
      '--ipam-driver',
      'tsnet',
      '--subnet',
      '10.88.0.0/24',
      'n1',
    );
    for (const name of ['web', 'client']) {
      const ports = name === 'web' ? ['-p', '8080:80'] : [];
      await engine.docker('run', '-d', '--name', name, '--network', 'n1', ...ports, testImage);
    }
    const client = engine.container('client');
    await until('web serves', async () => (await httpGet(client, 'http://web/')) !== '');
    const ended = await engine.stopDaemon(signal);
    expect(ended).toBe(signal === 'SIGTERM' ? 0 : 'SIGKILL');

    await ping(client, 'web');
    await ping(client, lan.ipv4);
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);

    await engine.startDaemon();
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await engine.docker('network', 'disconnect', 'n1', 'client');
    await engine.docker('network', 'connect', 'n1', 'client');
    await ping(client, 'web');
    await engine.docker('rm', '-f', 'web', 'client');
    await engine.docker('network', 'rm', 'n1');
    await engine.stopDaemon();
    expect(await engine.leftovers()).toEqual([]);
    expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
  },
);

it('a second daemon on the same socket is refused, and the first goes on', async () => {
  await engine.startDaemon();
  await expect(engine.tsnet('serve')).rejects.toThrow('is already the daemon for');
  await engine.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', 'n1');
  await engine.docker('network', 'rm', 'n1');
  await engine.stopDaemon();
  expect(await engine.leftovers()).toEqual([]);
});
