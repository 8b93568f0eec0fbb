import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lanAddresses, startEngine } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';
import { httpFailure, httpGet, httpWhoami, ping, udpAsk } from '../support/traffic.ts';

const { engine: host, lan } = lanAddresses;

it('Compose gets its static addresses, aliases, internal network and ports, and takes all of it down', async () => {
  await using engine = await startEngine();
  await engine.startDaemon();
  const compose = (...args: string[]) =>
    engine.compose(join(import.meta.dirname, 'compose'), '-p', 'shop', ...args);
  await compose('up', '-d');
  const inside = (service: string) => engine.container(`shop_${service}_1`);
  const [web, client, database] = [inside('web'), inside('client'), inside('database')];
  await until('web serves', async () => (await httpGet(web, 'http://127.0.0.1/')) !== '');

  for (const name of ['web', 'www', 'site.example', '10.90.0.10']) await ping(client, name);
  expect(await httpWhoami(database, '10.91.0.10')).toBe('10.91.0.20');
  await ping(web, 'database');
  await ping(web, lan.ipv4);
  expect(await web('ip', '-o', 'link')).toContain('mtu 1450');
  expect(await inside('sidecar')('ip', '-o', 'address')).toBe(await web('ip', '-o', 'address'));
  expect(await httpWhoami(inside('sidecar'), '127.0.0.1')).toBe('127.0.0.1');
  expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
  expect(await udpAsk(engine.netns.exec, '127.0.0.1', 5353, 'hello')).toBe('hello');
  await expect(ping(database, lan.ipv4)).rejects.toThrow();
  expect(await httpFailure(client, 'http://10.91.0.10/')).not.toBeUndefined();

  await compose('restart', '-t', '0');
  await until('web serves', async () => (await httpGet(client, 'http://www/')) !== '');
  expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);

  await compose('down', '-t', '0');
  expect(await engine.leftovers()).toEqual([]);
  await engine.stopDaemon();
});
