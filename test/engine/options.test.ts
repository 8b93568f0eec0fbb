import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage, type Engine } from '../support/engine.ts';
import { until, type Run } from '../support/engine-run.ts';
import { httpFailure, httpGet, httpWhoami, ping } from '../support/traffic.ts';

// Options of networks as a user gives them to docker, and what they do to the traffic.
const { engine: host, lan } = lanAddresses;
const option = (name: string) => `com.docker.network.bridge.${name}`;

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.startDaemon();
});

afterEach(async () => {
  const containers = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (containers.length > 0) await engine.docker('rm', '-f', ...containers);
  await engine.docker('network', 'prune', '-f');
  expect(await engine.leftovers()).toEqual([]);
});

afterAll(async () => {
  await engine.stopDaemon();
  expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
  await engine[Symbol.asyncDispose]();
});

const flags = ['network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', '--subnet', '10.88.0.0/24'];
const createNetwork = (...options: string[]) =>
  engine.docker(...flags, ...options.flatMap((text) => ['-o', text]), 'n1');
const run = async (name: string, ...more: string[]) => {
  await engine.docker('run', '-d', '--name', name, '--network', 'n1', ...more, testImage);
  await serves(name);
};
const serves = async (name: string) => {
  const url = 'http://127.0.0.1/';
  await until(`${name} serves`, async () => (await httpGet(engine.container(name), url)) !== '');
};

async function withRoute(action: () => Promise<void>): Promise<void> {
  await engine.lan.exec('ip', 'route', 'add', '10.88.0.0/24', 'via', host.ipv4);
  try {
    await action();
  } finally {
    await engine.lan.exec('ip', 'route', 'del', '10.88.0.0/24', 'via', host.ipv4);
  }
}

describe('gateway modes', () => {
  it('routed: published ports at the containers themselves, as many with one number as there are', async () => {
    await createNetwork(`${option('gateway_mode_ipv4')}=routed`);
    await run('web', '-p', '8080:80');
    await run('web2', '-p', '8080:80');
    await run('silent');
    await withRoute(async () => {
      for (const address of ['10.88.0.2', '10.88.0.3'])
        expect(await httpWhoami(engine.lan.exec, address)).toBe(lan.ipv4);
      expect(await httpFailure(engine.lan.exec, 'http://10.88.0.4/')).toBe('timeout');
      await ping(engine.lan.exec, '10.88.0.4');
      expect(await httpFailure(engine.lan.exec, `http://${host.ipv4}:8080/`)).toBe('refused');
      await ping(engine.container('web'), lan.ipv4);
      await engine.docker('stop', '-t', '0', 'web');
      expect(await httpWhoami(engine.lan.exec, '10.88.0.3')).toBe(lan.ipv4);
    });
  });

  it('nat-unprotected: every port, and those of the host', async () => {
    await createNetwork(`${option('gateway_mode_ipv4')}=nat-unprotected`);
    await run('web', '-p', '8080:80');
    await run('silent');
    await withRoute(async () => {
      expect(await httpWhoami(engine.lan.exec, '10.88.0.3')).toBe(lan.ipv4);
      expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    });
  });

  it('trusted interfaces: published ports at the containers themselves, from there', async () => {
    await createNetwork(`${option('trusted_host_interfaces')}=uplink0`);
    await run('web', '-p', '8080:80');
    await run('silent');
    await withRoute(async () => {
      expect(await httpWhoami(engine.lan.exec, '10.88.0.2')).toBe(lan.ipv4);
      expect(await httpFailure(engine.lan.exec, 'http://10.88.0.3/')).toBe('timeout');
    });
  });

  it('isolated is refused for a network that is not internal, with what would be allowed', async () => {
    const text = await engine.dockerFails(...flags, '-o', `${option('gateway_mode_ipv4')}=isolated`, 'n1');
    expect(text).toContain(
      '"isolated" is not allowed, expected nat, nat-unprotected or routed, or the network',
    );
    expect(await engine.docker('network', 'ls', '-q', '--filter', 'name=n1')).toBe('');
  });
});

describe('a bridge that others made', () => {
  it('is used and left', async () => {
    await engine.netns.exec('ip', 'link', 'add', 'lan0', 'type', 'bridge');
    try {
      await createNetwork(`${option('name')}=lan0`);
      await run('web', '-p', '8080:80');
      await run('client');
      await ping(engine.container('client'), 'web');
      expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
      await engine.docker('rm', '-f', 'web', 'client');
      await engine.docker('network', 'rm', 'n1');
      expect(await engine.netns.exec('ip', '-o', 'link', 'show', 'lan0')).toContain('lan0');
      expect(await engine.netns.exec('ip', '-o', '-4', 'address', 'show', 'lan0')).toBe('');
    } finally {
      await engine.netns.exec('ip', 'link', 'del', 'lan0');
    }
  });
});

describe('antispoof', () => {
  it('keeps a container with the right to change its interface from taking a neighbour’s place', async () => {
    await createNetwork('tsnet.antispoof=true');
    await run('web', '-p', '8080:80');
    await run('mallory', '--cap-add', 'NET_ADMIN');
    const mallory = engine.container('mallory');
    await ping(mallory, 'web');
    await mallory('ip', 'address', 'add', '10.88.0.77/24', 'dev', 'eth0');
    await expect(mallory('ping', '-c', '1', '-W', '1', '-I', '10.88.0.77', '10.88.0.2')).rejects.toThrow();
    await mallory('ip', 'link', 'set', 'eth0', 'address', '02:42:0a:58:00:02');
    await expect(mallory('ping', '-c', '1', '-W', '1', '10.88.0.2')).rejects.toThrow();
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await mallory('ip', 'link', 'set', 'eth0', 'address', '02:42:0a:58:00:03');
    await ping(mallory, 'web');
  });
});

describe('the speed of containers', () => {
  /** Megabits per second at which a file of so many megabytes is fetched. */
  const fetchBig = async (exec: Run, authority: string) => {
    const url = `http://${authority}/big`;
    const speed = await exec(
      'curl',
      '-s',
      '--fail',
      '-m',
      '20',
      '-o',
      '/dev/null',
      '-w',
      '%{speed_download}',
      url,
    );
    return (8 * Number(speed)) / 1e6;
  };
  const makeBig = (name: string, megabytes: number) =>
    engine.container(name)('dd', 'if=/dev/zero', 'of=/www/big', 'bs=1M', `count=${megabytes}`);

  it('is limited as the network says, through a published port as well', async () => {
    await createNetwork('tsnet.egress_rate=20mbit');
    await run('web', '-p', '8080:80');
    await makeBig('web', 4);
    for (const fetched of [
      await fetchBig(engine.netns.exec, '10.88.0.2'),
      await fetchBig(engine.lan.exec, `${host.ipv4}:8080`),
    ]) {
      expect(fetched).toBeGreaterThan(17);
      expect(fetched).toBeLessThan(23);
    }
    await engine.docker('restart', '-t', '0', 'web');
    await serves('web');
    await makeBig('web', 4);
    expect(await fetchBig(engine.lan.exec, `${host.ipv4}:8080`)).toBeLessThan(23);
  });

  it('is limited as a container says of itself', async () => {
    await createNetwork();
    await run('web');
    const slow = 'name=n1,driver-opt=tsnet.ingress_rate=20mbit';
    await engine.docker('run', '-d', '--name', 'slow', '--network', slow, testImage);
    await makeBig('web', 4);
    const fetched = await fetchBig(engine.container('slow'), '10.88.0.2');
    expect(fetched).toBeGreaterThan(17);
    expect(fetched).toBeLessThan(23);
    expect(await fetchBig(engine.netns.exec, '10.88.0.2')).toBeGreaterThan(60);
  });

  it('is refused where it is no speed', async () => {
    const wrong = [...flags, '-o', 'tsnet.rate=fast', 'n1'];
    expect(await engine.dockerFails(...wrong)).toContain('option tsnet.rate: "fast" is not allowed');
  });
});
