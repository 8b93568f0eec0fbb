import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';
import { httpFailure, httpGet, httpWhoami, ping, udpAsk } from '../support/traffic.ts';

it("carries the traffic of Docker's own bridge and leaves nothing behind", async () => {
  let left: { folder: string; name: string };
  {
    await using engine = await startEngine();
    left = { folder: engine.folder, name: engine.netns.name };
    await engine.docker('network', 'create', 'plain');
    const ports = ['-p', '8080:80', '-p', '5353:5353/udp'];
    await engine.docker('run', '-d', '--name', 'web', '--network', 'plain', ...ports, testImage);
    await engine.docker('run', '-d', '--name', 'client', '--network', 'plain', testImage);
    const client = engine.container('client');
    const hostname = await engine.docker('exec', 'web', 'hostname');
    const format = '{{.NetworkSettings.Networks.plain.IPAddress}}';
    const [webAddress, clientAddress] = (
      await engine.docker('inspect', '--format', format, 'web', 'client')
    ).split('\n');

    await ping(client, 'web');
    await ping(client, webAddress ?? '');
    await until('the web server answers', async () => (await httpGet(client, 'http://web/')) === hostname);
    expect(await httpWhoami(client, 'web')).toBe(clientAddress);
    expect(await udpAsk(client, 'web', 5353, 'hello')).toBe('hello');

    const { engine: host, lan } = lanAddresses;
    expect(await httpGet(engine.netns.exec, 'http://127.0.0.1:8080/')).toBe(hostname);
    expect(await httpGet(engine.netns.exec, `http://${host.ipv4}:8080/`)).toBe(hostname);
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    expect(await udpAsk(engine.lan.exec, host.ipv4, 5353, 'hello')).toBe('hello');
    expect(await httpFailure(engine.lan.exec, `http://${host.ipv4}:8081/`)).toBe('refused');
    await ping(client, lan.ipv4);
    expect(await engine.dockerFails('network', 'rm', 'plain')).toContain('active endpoints');
  }
  expect(existsSync(left.folder)).toBe(false);
  expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(left.name);
  expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(left.name);
  expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(left.name);
  expect(
    execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', left.name], { encoding: 'utf8' }),
  ).toBe('');
});

it('restarts dockerd below running containers, also after a kill', async () => {
  await using engine = await startEngine({ daemonFlags: ['--live-restore'] });
  await engine.docker('run', '-d', '--name', 'web', '-p', '8080:80', testImage);
  const started = await engine.docker('inspect', '--format', '{{.State.StartedAt}}', 'web');
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await engine.restartEngine(signal);
    expect(await engine.docker('inspect', '--format', '{{.State.Running}} {{.State.StartedAt}}', 'web')).toBe(
      `true ${started}`,
    );
    expect(await httpWhoami(engine.lan.exec, `${lanAddresses.engine.ipv4}:8080`)).toBe(lanAddresses.lan.ipv4);
  }
});

it('tells what tsnet has in the kernel and in its records, until it is removed', async () => {
  await using engine = await startEngine();
  await engine.startDaemon();
  expect(await engine.leftovers()).toEqual([]);
  await engine.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', 'blue');
  const kinds = (await engine.leftovers()).map((line) => line.split(' ')[0]);
  expect(new Set(kinds)).toEqual(new Set(['link', 'element', 'record']));
  await engine.docker('network', 'rm', 'blue');
  expect(await engine.leftovers()).toEqual([]);
  expect(await engine.stopDaemon()).toBe(0);
  expect(await engine.daemonLog()).toContain('listening');
});
