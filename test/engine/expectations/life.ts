import { expect } from 'vitest';
import { lanAddresses, testImage } from '../../support/engine.ts';
import { until } from '../../support/engine-run.ts';
import { httpGet } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import { expectNoPing, expectNoWeb, expectPing, expectWeb } from './probes.ts';

const host = lanAddresses.engine.ipv4;

/** Containers that start, end, come back, and share the network of others. */
export const life: Group = {
  name: 'life of containers',
  setUp: async ({ createNetwork, run }) => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run('neighbour', 'n1', '--hostname', 'neighbour');
  },
  cases: [
    {
      name: '--restart brings a killed container back with its port',
      check: async ({ docker, lan, inside, host: own, run, serves, remove, defer }) => {
        defer(() => remove('phoenix'));
        await run('phoenix', 'n1', '--hostname', 'phoenix', '--restart', 'always', '-p', '8080:80');
        await own('kill', '-KILL', await docker('inspect', '-f', '{{.State.Pid}}', 'phoenix'));
        await until(
          'it restarted',
          async () => (await docker('inspect', '-f', '{{.RestartCount}}', 'phoenix')) === '1',
        );
        await serves('phoenix');
        await expectWeb(lan, `${host}:8080`, 'phoenix');
        await expectPing(inside('neighbour'), 'phoenix');
      },
    },
    {
      name: 'network_mode container: shares address, ports and loopback',
      check: async ({ docker, inside, lan, run, remove, defer }) => {
        defer(() => remove('side', 'main'));
        await run('main', 'n1', '--hostname', 'main', '-p', '8080:80');
        await docker(
          'run',
          '-d',
          '--name',
          'side',
          '--network',
          'container:main',
          testImage,
          'sleep',
          '1000',
        );
        await expectWeb(inside('side'), '127.0.0.1', 'main');
        await expectWeb(inside('side'), 'neighbour', 'neighbour');
        await expectWeb(lan, `${host}:8080`, 'main');
        expect(await inside('side')('hostname')).toBe('main');
      },
    },
    {
      name: 'network_mode none has loopback only',
      check: async ({ docker, inside, remove, defer }) => {
        defer(() => remove('alone'));
        await docker('run', '-d', '--name', 'alone', '--network', 'none', testImage, 'sleep', '1000');
        expect(await inside('alone')('ip', '-o', 'link')).not.toContain('eth0');
      },
    },
    {
      name: 'network_mode host reaches containers by address and published port',
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('web', 'at-host'));
        await run('web', 'n1', '--hostname', 'web', '--ip', '10.88.0.30', '-p', '8080:80');
        await docker('run', '-d', '--name', 'at-host', '--network', 'host', testImage, 'sleep', '1000');
        await expectWeb(inside('at-host'), '10.88.0.30', 'web');
        await expectWeb(inside('at-host'), '127.0.0.1:8080', 'web');
      },
    },
    {
      name: 'a command that cannot start leaves neither address nor port behind',
      check: async ({ dockerFails, lan, run, remove, defer }) => {
        defer(() => remove('broken', 'next'));
        const flags = ['--network', 'n1', '--ip', '10.88.0.40', '-p', '8080:80'];
        expect(
          await dockerFails('run', '--name', 'broken', ...flags, testImage, 'no-such-program'),
        ).toContain('no-such-program');
        await expectNoWeb(lan, `${host}:8080`);
        await run('next', 'n1', '--hostname', 'next', '--ip', '10.88.0.40', '-p', '8080:80');
        await expectWeb(lan, `${host}:8080`, 'next');
      },
    },
    {
      name: '--rm frees address and port at its end',
      check: async ({ docker, run, remove, defer }) => {
        const flags = ['--ip', '10.88.0.41', '-p', '8080:80'];
        await docker('run', '--rm', '--network', 'n1', ...flags, testImage, 'true');
        defer(() => remove('next'));
        await run('next', 'n1', ...flags);
      },
    },
    {
      name: 'a paused container answers after it goes on',
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('paused'));
        await run('paused', 'n1', '--hostname', 'paused', '--ip', '10.88.0.42');
        await docker('pause', 'paused');
        await expectNoWeb(inside('neighbour'), '10.88.0.42');
        await docker('unpause', 'paused');
        await expectWeb(inside('neighbour'), 'paused', 'paused');
      },
    },
    {
      name: 'a container with the address of a former one is reached at once',
      check: async ({ inside, run, remove, defer }) => {
        await run('former', 'n1', '--ip', '10.88.0.43', '--hostname', 'former');
        await expectWeb(inside('neighbour'), '10.88.0.43', 'former');
        await remove('former');
        await expectNoPing(inside('neighbour'), '10.88.0.43');
        defer(() => remove('latter'));
        await run('latter', 'n1', '--ip', '10.88.0.43', '--hostname', 'latter');
        await expectWeb(inside('neighbour'), '10.88.0.43', 'latter');
      },
    },
    {
      name: '20 containers start at once, each with a port, and end at once',
      check: async ({ docker, inside, lan, remove, attachment, defer }) => {
        const names = Array.from({ length: 20 }, (_, index) => `crowd${index}`);
        defer(() => remove(...names));
        await Promise.all(
          names.map((name, index) =>
            docker(
              'run',
              '-d',
              '--name',
              name,
              '--hostname',
              name,
              '--network',
              'n1',
              '-p',
              `${9000 + index}:80`,
              testImage,
            ),
          ),
        );
        const addresses = await Promise.all(names.map((name) => attachment(name, 'n1', 'IPAddress')));
        expect(new Set(addresses).size).toBe(20);
        await until('all answer', async () => {
          const answers = names.map((_, index) => httpGet(lan, `http://${host}:${9000 + index}/`));
          expect(await Promise.all(answers)).toEqual(names);
          return true;
        });
        await inside('neighbour')(
          'sh',
          '-c',
          `for n in ${names.join(' ')}; do ping -c 1 -W 2 $n || exit 1; done`,
        );
      },
    },
    {
      name: 'containers and networks come back after a restart of the engine',
      check: async ({ engine, lan, inside, run, serves, docker, attachment, remove, defer }) => {
        defer(() => remove('always'));
        await run(
          'always',
          'n1',
          '--hostname',
          'always',
          '--restart',
          'always',
          '-p',
          '8080:80',
          '--ip',
          '10.88.0.50',
        );
        await engine.restartEngine();
        await until(
          'it runs',
          async () => (await docker('inspect', '-f', '{{.State.Running}}', 'always')) === 'true',
        );
        await serves('always');
        expect(await attachment('always', 'n1', 'IPAddress')).toBe('10.88.0.50');
        await expectWeb(lan, `${host}:8080`, 'always');
        await docker('start', 'neighbour');
        await serves('neighbour');
        await expectWeb(inside('neighbour'), 'always', 'always');
      },
    },
  ],
};
