import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { playBoot, useMemory } from './play-boot.ts';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

interface Row {
  readonly container: string;
  readonly state: string;
  readonly exitCode?: number;
  readonly networks: readonly { name: string; addresses: readonly string[]; ports: readonly string[] }[];
}

describe.each([
  ['in memory', useMemory],
  ['on the disk', () => Promise.resolve()],
])('sandboxes and a boot, with the records %s', (_, prepare) => {
  let host: SandboxHost;
  beforeAll(async () => {
    host = await createSandboxHost();
    await prepare(host);
    await host.succeed('network', 'create', 'lab', '--subnet', '10.88.0.0/24', '--subnet', 'fd88::/64');
    await host.succeed('network', 'create', 'dmz', '--subnet', '10.89.0.0/24');
  });
  afterAll(() => host[Symbol.asyncDispose]());
  afterEach(async () => {
    const present = await names();
    if (present.length > 0) await host.succeed('rm', '-f', ...present);
    await eventually(async () => expect(await host.leftovers()).toEqual([]));
  });

  const rows = async () => JSON.parse(await host.succeed('ps', '-a', '--json')) as Row[];
  const rowOf = async (name: string) => (await rows()).find(({ container }) => container === name);
  const names = async () => (await rows()).map(({ container }) => container);
  const run = (name: string, ...flags: string[]) =>
    host.succeed('run', '-d', '--name', name, ...flags, '--', 'sleep', '60');
  const macOf = async (name: string) =>
    /link\/ether \S+/.exec(await host.succeed('exec', name, '--', 'ip', 'link', 'show', 'eth0'))?.[0];

  it('those that ran are there, have ended, and are started with what they had', async () => {
    const wishes = 'lab:alias=www,rate=20mbit,mac=02:42:0a:58:00:63';
    await run('first', '--network', 'lab', '--network', 'dmz');
    await run('web', '--network', wishes, '-p', '8080:80', '-p', '81', '-e', 'GREETING=hello');
    await host.succeed('connect', 'dmz', 'web');
    await run('side', '--network', 'container:web');
    await run('brief', '--rm', '--network', 'lab');
    await run('stopped', '--network', 'lab');
    await host.succeed('stop', '-t', '1', 'stopped');
    const [before, mac] = [await rowOf('web'), await macOf('web')];
    expect(before?.networks.flatMap(({ addresses }) => addresses)).toHaveLength(3);
    expect(before?.networks.flatMap(({ ports }) => ports)).not.toEqual([]);

    await playBoot(host);
    expect(await names()).toEqual(['first', 'side', 'stopped', 'web']);
    expect(await rowOf('stopped')).toMatchObject({ state: 'exited', exitCode: 143 });
    const ended = await rowOf('web');
    expect(ended).toMatchObject({ state: 'exited', networks: [{ addresses: [], ports: [] }] });
    expect(ended).not.toHaveProperty('exitCode');
    expect(JSON.parse(await host.succeed('endpoint', 'ls', '--json'))).toEqual([]);
    expect(JSON.parse(await host.succeed('inspect', 'container', 'web', '--json'))).toMatchObject({
      state: 'exited',
      interfaces: [],
    });
    expect(await host.succeed('gc', '--older-than', '0')).toBe('');
    expect(await names()).toEqual(['first', 'side', 'stopped', 'web']);
    expect(await host.exec('ls', '/run/netns')).toBe('');
    expect((await host.tsnet('exec', 'web', '--', 'true')).stderr).toContain('it does not run');
    expect((await host.tsnet('start', 'side')).stderr).toContain('web: it does not run');

    expect(await host.succeed('start', 'web', 'side')).toBe('web\nside\n');
    expect(await rowOf('web')).toEqual(before);
    expect(await macOf('web')).toBe(mac);
    expect(await host.exec('tc', 'qdisc', 'show')).toContain('rate 20Mbit');
    expect(await host.exec('ls', '/run/netns')).toBe('web');
    await run('client', '--network', 'lab');
    await host.succeed('exec', 'client', '--', 'ping', '-c', '1', '-W', '2', 'www');
    expect(await host.succeed('exec', 'web', '--', 'sh', '-c', 'echo $GREETING')).toBe('hello\n');
    // What was recorded of earlier boots does no harm to the next.
    const again = await rowOf('web');
    await playBoot(host);
    await host.succeed('start', 'web');
    expect(await rowOf('web')).toEqual(again);
    await host.succeed('rm', '-f', ...(await names()));
    await playBoot(host);
    expect(await names()).toEqual([]);
  });

  it('hold no address and no port, and give way where somebody has them by now', async () => {
    await run('loose', '--network', 'lab', '-p', '80');
    const [before] = (await rowOf('loose'))?.networks ?? [];
    const address = before?.addresses[0] ?? '';
    const port = /:(\d+)->/.exec(before?.ports[0] ?? '')?.[1] ?? '';
    await playBoot(host);
    await run('thief', '--network', `lab:ip=${address.replace('/24', '')}`, '-p', `${port}:1`);
    await host.succeed('start', 'loose');
    const [found] = (await rowOf('loose'))?.networks ?? [];
    expect(found?.addresses[0]).not.toBe(address);
    expect(found?.ports[0]).toMatch(/->80\/tcp$/);
  });

  it('whose network was removed say so and stay as they are', async () => {
    await host.succeed('network', 'create', 'short');
    await run('web', '--network', 'short');
    await playBoot(host);
    await host.succeed('network', 'rm', 'short');
    expect(await host.tsnet('start', 'web')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/connect web: network \w+ is gone/),
    });
    expect(await rowOf('web')).toMatchObject({ state: 'exited' });
    expect(await host.exec('ls', '/run/netns')).toBe('');
  });
});
