import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
  await host.succeed('network', 'create', 'lab', '--subnet', '10.88.0.0/24', '--subnet', 'fd88::/64');
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  const rows = JSON.parse(await host.succeed('ps', '-a', '--json')) as { container: string }[];
  if (rows.length > 0) await host.succeed('rm', '-f', ...rows.map(({ container }) => container));
  // Who was told of an end by the parent of its command may still be looking.
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

/** A web server that answers with the name of its sandbox. */
const server = `require('http').createServer((_, answer) => answer.end(require('os').hostname())).listen(80)`;
const serve = (name: string, ...flags: string[]) =>
  host.succeed('run', '-d', '--name', name, ...flags, '--', process.execPath, '-e', server);
const get = (authority: string) =>
  host.exec('curl', '-g', '-s', '--max-time', '2', '--noproxy', '*', `http://${authority}/`);

describe('published ports', () => {
  it('answer at every address of the host, loopback as well, and in both families', async () => {
    await serve('web', '--network', 'lab', '-p', '8080:80');
    await eventually(async () => expect(await get('127.0.0.1:8080')).toBe('web'));
    expect(await get(`${host.address}:8080`)).toBe('web');
    expect(await get('[fd88::1]:8080')).toBe('web');
    expect(await host.succeed('port', 'web')).toBe('80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n');
    expect(await host.succeed('ps')).toMatch(
      /web .* running +lab +10\.88\.0\.\d+\/24 +0\.0\.0\.0:8080->80\/tcp/,
    );
  });

  it('answer where they are told, and are chosen where they are not', async () => {
    await serve(
      'web',
      '-p',
      '127.0.0.1:8080:80',
      '-p',
      '127.0.0.1::80',
      '-p',
      '9000-9001:90-91',
      '-P',
      '--expose',
      '7/udp',
    );
    await eventually(async () => expect(await get('127.0.0.1:8080')).toBe('web'));
    await expect(get(`${host.address}:8080`)).rejects.toThrow();
    const lines = (await host.succeed('port', 'web')).trim().split('\n').sort();
    expect(lines).toEqual([
      expect.stringMatching(/^7\/udp -> 0\.0\.0\.0:\d+$/),
      expect.stringMatching(/^80\/tcp -> 127\.0\.0\.1:(?:49|5|6)\d+$/),
      '80/tcp -> 127.0.0.1:8080',
      '90/tcp -> 0.0.0.0:9000',
      '91/tcp -> 0.0.0.0:9001',
    ]);
  });

  it('may be of UDP, and lead to static addresses of both families', async () => {
    const echo = `require('dgram').createSocket('udp6').on('message', function (text, { port, address }) { this.send(text, port, address); }).bind(53)`;
    const flags = ['--network', 'lab', '--ip', '10.88.0.77', '--ip6', 'fd88::77', '-p', '5353:53/udp'];
    await host.succeed('run', '-d', '--name', 'echo', ...flags, '--', process.execPath, '-e', echo);
    for (const target of [
      `UDP4:${host.address}:5353`,
      'UDP4:10.88.0.77:53',
      'UDP6:[fd88::77]:53',
      'UDP6:[fd88::1]:5353',
    ]) {
      await eventually(async () =>
        expect(await host.exec('sh', '-c', 'echo hello | socat -t 1 -T 1 - "$1"', 'sh', target)).toBe(
          'hello',
        ),
      );
    }
  });

  it('follow a sandbox from network to network', async () => {
    await serve('web', '-p', '8080:80');
    await host.succeed('connect', 'lab', 'web');
    await eventually(async () => expect(await get(`${host.address}:8080`)).toBe('web'));
    await host.succeed('disconnect', 'bridge', 'web');
    expect(await get(`${host.address}:8080`)).toBe('web');
    await host.succeed('disconnect', 'lab', 'web');
    await expect(get(`${host.address}:8080`)).rejects.toThrow();
    await host.succeed('connect', 'bridge', 'web');
    expect(await get(`${host.address}:8080`)).toBe('web');
  });

  it('are free again as soon as the sandbox has ended', async () => {
    await serve('one', '-p', '8080:80');
    expect((await host.tsnet('run', '-p', '8080:80', '--', 'true')).stderr).toContain(
      'it is held by container one',
    );
    await host.succeed('stop', 'one');
    await serve('two', '-p', '8080:80');
    await eventually(async () => expect(await get('127.0.0.1:8080')).toBe('two'));
  });
});

describe('with the daemon', () => {
  it('sandboxes are the same, and survive its restart', async () => {
    const start = async () => {
      const child = host.start(['serve', '--socket', join(host.folder, 'plugin.sock')], 'ignore');
      const health = ['-s', '--unix-socket', join(host.folder, 'plugin.sock'), 'http://plugin/healthz'];
      await eventually(async () => void (await host.exec('curl', ...health)));
      return child;
    };
    const stop = async (child: Awaited<ReturnType<typeof start>>) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    };
    const first = await start();
    await serve('web', '--network', 'lab', '-p', '8080:80');
    await eventually(async () => expect(await get('127.0.0.1:8080')).toBe('web'));
    await stop(first);
    await host.exec('nft', 'flush', 'ruleset');
    const second = await start();
    await eventually(async () => expect(await get('127.0.0.1:8080')).toBe('web'));
    await host.succeed(
      'run',
      '--rm',
      '--network',
      'lab',
      '--',
      'curl',
      '-s',
      '--max-time',
      '2',
      'http://web/',
    );
    await stop(second);
  });
});
