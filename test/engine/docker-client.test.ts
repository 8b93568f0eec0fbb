import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSystemdHost, type SystemdHost } from '../support/systemd-host.ts';

const program = join(import.meta.dirname, '../../dist/tsnet');
/** Debian's client, and whichever comes first on the search path. */
const clients = ['/usr/bin/docker', '/usr/local/bin/docker'].filter((path) => existsSync(path));

let host: SystemdHost;
beforeAll(async () => {
  host = await startSystemdHost();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

it('is installed', () => expect(clients).not.toEqual([]));

it.each(clients)('%s runs tsnet as its plugin', async (client) => {
  const docker = (...args: string[]) => host.exec(client, ...args);
  await expect(docker('tsnet', 'version')).rejects.toThrow();
  await host.exec(program, 'install', 'docker');
  expect(await docker('help')).toMatch(/tsnet\* +Container networks as they really are/);
  expect(await docker('help', 'tsnet')).toContain('Usage: tsnet');
  expect(await docker('tsnet', 'version')).toMatch(/^tsnet +\d+\./m);
  expect(await docker('tsnet', 'network', 'ls')).toMatch(/^NETWORK ID +NAME/);
  expect(await docker('tsnet', 'network', 'create', 'a b').catch(String)).toContain('"a b" is not allowed');
  expect(await docker('-H', 'unix:///nowhere', 'tsnet', 'port', '--help')).toContain('Usage: tsnet port');
  expect(await docker('--log-level', 'error', 'tsnet', '--json', 'network', 'ls')).toBe('[]');
  await expect(docker('tsnet', 'dance')).rejects.toThrow("unknown command 'dance'");
  await host.exec(program, 'uninstall', 'docker');
  await expect(docker('tsnet', 'version')).rejects.toThrow();
});
