import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost({ TSNET_FIREWALL: 'iptables' });
  await host.succeed('network', 'create', 'lab', '--subnet', '10.88.0.0/24', '--subnet', 'fd88::/64');
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  await host.tsnet('rm', '-f', 'web');
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

const server = `require('http').createServer((_, answer) => answer.end(require('os').hostname())).listen(80)`;
const serve = (...flags: string[]) =>
  host.succeed('run', '-d', '--name', 'web', ...flags, '--', process.execPath, '-e', server);
const get = (authority: string) =>
  host.exec('curl', '-g', '-s', '--max-time', '2', '--noproxy', '*', `http://${authority}/`);

describe('with iptables', () => {
  it('published ports answer at every address of the host, and at no other afterwards', async () => {
    await serve('--network', 'lab', '-p', '8080:80');
    expect(await host.exec('sh', '-c', 'iptables-save | grep -c 8080')).not.toBe('0');
    expect(await host.exec('nft', 'list', 'tables')).not.toContain('inet tsnet');
    for (const authority of ['127.0.0.1:8080', `${host.address}:8080`, '[fd88::1]:8080']) {
      await eventually(async () => expect(await get(authority)).toBe('web'));
    }
    await host.succeed('stop', 'web');
    await expect(get(`${host.address}:8080`)).rejects.toThrow();
    expect(await host.exec('sh', '-c', 'iptables-save | grep -c 8080 || true')).toBe('0');
  });

  it('sandboxes of one network reach each other, and those of two do not', async () => {
    await serve('--network', 'lab');
    const ask = ['--', 'curl', '-s', '--max-time', '2', '--noproxy', '*'];
    expect(
      await host.succeed(
        'run',
        '--rm',
        '--network',
        'lab',
        ...ask,
        '--retry-connrefused',
        '--retry',
        '9',
        'http://web/',
      ),
    ).toBe('web');
    const row = JSON.parse(await host.succeed('ps', '--json')) as { networks: { addresses: string[] }[] }[];
    const address = row[0]?.networks[0]?.addresses[0]?.replace('/24', '') ?? '';
    expect((await host.tsnet('run', '--rm', ...ask, `http://${address}/`)).code).toBe(28);
  });

  it('ports follow a sandbox from network to network, and come again when it is started', async () => {
    await serve('-p', '8080:80');
    await host.succeed('connect', 'lab', 'web');
    await host.succeed('disconnect', 'bridge', 'web');
    await eventually(async () => expect(await get(`${host.address}:8080`)).toBe('web'));
    await host.succeed('restart', '-t', '1', 'web');
    await eventually(async () => expect(await get(`${host.address}:8080`)).toBe('web'));
  });
});
