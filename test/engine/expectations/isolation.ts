import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import type { Group } from './case.ts';
import { expectNoPing, expectNoWeb, expectPing, expectWeb } from './probes.ts';
import { surroundings } from './surroundings.ts';

const host = lanAddresses.engine.ipv4;
const { far, secondHostAddress } = surroundings;

/** Who does not reach whom. */
export const isolation: Group = {
  name: 'isolation',
  setUp: async ({ createNetwork, run, lan, defer }) => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await createNetwork('n2', '--subnet', '10.89.0.0/24');
    await createNetwork('inner', '--internal', '--subnet', '10.90.0.0/24');
    await run('web', 'n1', '--hostname', 'web', '-p', '8080:80', '-p', `${secondHostAddress}:8081:5353`);
    await run('secret', 'n1', '--hostname', 'secret', '--ip', '10.88.0.20');
    await run('stranger', 'n2');
    await run('plain', 'bridge');
    await run('hidden', 'inner', '--hostname', 'hidden', '--ip', '10.90.0.20', '-p', '8090:80');
    await run('hider', 'inner');
    for (const subnet of ['10.88.0.0/24', '10.90.0.0/24']) {
      await lan('ip', 'route', 'add', subnet, 'via', host);
      defer(() => lan('ip', 'route', 'del', subnet, 'via', host));
    }
  },
  cases: [
    {
      name: 'a container does not reach another network of the driver',
      check: async ({ inside }) => {
        await expectNoWeb(inside('stranger'), '10.88.0.20', '10.88.0.2');
        await expectNoPing(inside('stranger'), '10.88.0.20');
      },
    },
    {
      name: "networks of the driver and the engine's default network do not reach each other",
      check: async ({ inside, docker }) => {
        await expectNoWeb(inside('plain'), '10.88.0.20');
        const plain = await docker(
          'inspect',
          '-f',
          '{{.NetworkSettings.Networks.bridge.IPAddress}}',
          'plain',
        );
        await expectNoWeb(inside('secret'), plain);
      },
    },
    {
      name: 'a LAN host with a route does not reach unpublished ports',
      check: async ({ lan }) => {
        await expectNoWeb(lan, '10.88.0.20');
        await expectNoPing(lan, '10.88.0.20');
      },
    },
    {
      name: 'a LAN host with a route does not reach published ports but through the host',
      bridgeFails: { because: 'blocked since version 28', before: '28.0', error: /must not answer/ },
      check: ({ lan }) => expectNoWeb(lan, '10.88.0.2'),
    },
    {
      name: 'the host reaches containers by address',
      check: async ({ host: own }) => {
        await expectWeb(own, '10.88.0.20', 'secret');
        await expectPing(own, '10.88.0.20');
      },
    },
    {
      name: 'containers reach the host by the gateway, the LAN and what lies behind',
      check: ({ inside }) => expectPing(inside('secret'), '10.88.0.1', host, lanAddresses.lan.ipv4, far),
    },
    {
      name: 'containers of an internal network reach each other and nothing outside',
      check: async ({ inside }) => {
        await expectWeb(inside('hider'), 'hidden', 'hidden');
        await Promise.all([
          expectNoPing(inside('hider'), lanAddresses.lan.ipv4),
          expectNoPing(inside('hider'), '10.88.0.20'),
          expectNoWeb(inside('hider'), '10.88.0.20'),
        ]);
      },
    },
    {
      name: 'an internal network is reached from nowhere, also not by a published port',
      check: async ({ lan, inside }) => {
        await expectNoWeb(lan, '10.90.0.20', `${host}:8090`);
        await expectNoWeb(inside('stranger'), '10.90.0.20', `${host}:8090`);
        await expectNoPing(lan, '10.90.0.20');
      },
    },
    {
      name: 'the host reaches containers of an internal network by address',
      check: ({ host: own }) => expectWeb(own, '10.90.0.20', 'hidden'),
    },
    {
      name: 'a sandbox sees its own links only',
      check: async ({ inside }) => {
        const links = (await inside('secret')('ip', '-o', 'link'))
          .split('\n')
          .map((line) => line.split(': ')[1]);
        expect(links).toHaveLength(2);
      },
    },
  ],
};
