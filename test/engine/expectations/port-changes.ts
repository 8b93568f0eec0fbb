import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import { until } from '../../support/engine-run.ts';
import type { Group } from './case.ts';
import { expectNoWeb, expectWeb, udpAsk } from './probes.ts';

const host = lanAddresses.engine.ipv4;

/** Ports that come, go, and are wanted by two. */
export const portChanges: Group = {
  name: 'ports that come and go',
  setUp: ({ createNetwork }) => createNetwork('n1', '--subnet', '10.88.0.0/24'),
  cases: [
    {
      name: 'a port closes when its container stops and opens when it starts',
      check: async ({ docker, lan, run, serves, remove, defer }) => {
        defer(() => remove('web'));
        await run('web', 'n1', '--hostname', 'web', '-p', '8080:80');
        await expectWeb(lan, `${host}:8080`, 'web');
        await docker('stop', '-t', '0', 'web');
        await expectNoWeb(lan, `${host}:8080`);
        await docker('start', 'web');
        await serves('web');
        await expectWeb(lan, `${host}:8080`, 'web');
        await docker('kill', 'web');
        await expectNoWeb(lan, `${host}:8080`);
      },
    },
    {
      name: 'a port that a container has is refused, and free when it ends',
      check: async ({ docker, dockerFails, lan, run, serves, remove, defer }) => {
        defer(() => remove('first', 'second'));
        await run('first', 'n1', '-p', '8080:80');
        await docker(
          'create',
          '--name',
          'second',
          '--network',
          'n1',
          '--hostname',
          'second',
          '-p',
          '8080:80',
          'tsnet-test',
        );
        expect(await dockerFails('start', 'second')).toMatch(/8080.*(?:already allocated|held|in use)/);
        await docker('stop', '-t', '0', 'first');
        await docker('start', 'second');
        await serves('second');
        await expectWeb(lan, `${host}:8080`, 'second');
      },
    },
    {
      name: 'a port that a program of the host has is refused',
      check: async ({ engine, host: own, runFails, docker, defer }) => {
        const listener = spawn(
          'nsenter',
          [`--net=${engine.netns.path}`, '--', 'socat', 'TCP4-LISTEN:8090,fork', 'PIPE'],
          { stdio: 'ignore' },
        );
        defer(async () => {
          const ended = once(listener, 'exit');
          listener.kill('SIGKILL');
          await ended;
        });
        await until('the program listens', async () => (await own('ss', '-Hltn', 'sport = 8090')) !== '');
        expect(await runFails('n1', '--name', 'loser', '-p', '8090:80')).toMatch(/8090.*in use|8090.*held/);
        await docker('rm', 'loser');
      },
    },
    {
      name: 'ranges do not collide with ports in use',
      check: async ({ run, hostPort, remove, defer }) => {
        defer(() => remove('range1', 'range2', 'range3'));
        for (const name of ['range1', 'range2', 'range3']) await run(name, 'n1', '-p', '8100-8102:80');
        const found = await Promise.all(
          ['range1', 'range2', 'range3'].map((name) => hostPort(name, '80/tcp')),
        );
        expect(found.toSorted((a, b) => a - b)).toEqual([8100, 8101, 8102]);
      },
    },
    {
      name: 'a UDP flow follows the port to the next container',
      check: async ({ lan, run, remove, defer }) => {
        const ask = () => udpAsk(lan, host, 5354, 'hello', ',sourceport=40000');
        // Before anybody has the port: the kernel remembers that this flow is not translated.
        await ask().catch(() => '');
        await run('first', 'n1', '-p', '5354:5353/udp');
        expect(await ask()).toBe('hello');
        await remove('first');
        await run('placeholder', 'n1');
        defer(() => remove('placeholder', 'second'));
        await run('second', 'n1', '-p', '5354:5353/udp');
        expect(await ask()).toBe('hello');
      },
    },
    {
      name: 'the same host port serves TCP and UDP of two containers, and two addresses',
      check: async ({ lan, host: own, run, remove, defer }) => {
        defer(() => remove('tcp', 'udp', 'loopback'));
        await run('tcp', 'n1', '--hostname', 'tcp', '-p', `${host}:5353:80`);
        await run('udp', 'n1', '-p', '5353:5353/udp');
        await run('loopback', 'n1', '--hostname', 'loopback', '-p', '127.0.0.1:5353:80');
        await expectWeb(lan, `${host}:5353`, 'tcp');
        await expectWeb(own, '127.0.0.1:5353', 'loopback');
        expect(await udpAsk(lan, host, 5353, 'hello')).toBe('hello');
      },
    },
  ],
};
