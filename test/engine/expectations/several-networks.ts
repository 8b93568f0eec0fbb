import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import { httpWhoami } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import { expectNoPing, expectNoWeb, expectPing, expectWeb, resolve } from './probes.ts';

const host = lanAddresses.engine.ipv4;
const lan = lanAddresses.lan.ipv4;

/** Containers in more than one network, and networks joined and left while they run. */
export const severalNetworks: Group = {
  name: 'several networks',
  setUp: async ({ createNetwork, run, docker }) => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await createNetwork('n2', '--subnet', '10.89.0.0/24');
    await createNetwork('inner', '--internal', '--subnet', '10.90.0.0/24');
    // Docker's own driver beside ours.
    await docker('network', 'create', '--subnet', '10.91.0.0/24', 'plain');
    await run('neighbour1', 'n1');
    await run('neighbour2', 'n2');
  },
  cases: [
    {
      name: 'a running container joins a network with --ip and --alias and leaves it',
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('web'));
        await run('web', 'n1', '--hostname', 'web');
        await docker('network', 'connect', '--ip', '10.89.0.77', '--alias', 'site', 'n2', 'web');
        expect(await resolve(inside('neighbour2'), 'site')).toEqual(['10.89.0.77']);
        await expectWeb(inside('neighbour2'), 'site', 'web');
        await expectWeb(inside('neighbour1'), 'web', 'web');
        await docker('network', 'disconnect', 'n2', 'web');
        await expectNoWeb(inside('neighbour2'), '10.89.0.77');
        expect(await inside('web')('ip', '-o', 'link')).not.toContain('eth1');
        await expectWeb(inside('neighbour1'), 'web', 'web');
      },
    },
    {
      name: 'a published port stays reachable while networks come and go',
      check: async (harness) => {
        const { docker, run, remove, defer } = harness;
        defer(() => remove('web'));
        await run('web', 'n1', '--hostname', 'web', '-p', '8080:80');
        await docker('network', 'connect', 'n2', 'web');
        expect(await httpWhoami(harness.lan, `${host}:8080`)).toBe(lan);
        await docker('network', 'disconnect', 'n1', 'web');
        expect(await httpWhoami(harness.lan, `${host}:8080`)).toBe(lan);
        await docker('network', 'connect', 'n1', 'web');
        expect(await httpWhoami(harness.lan, `${host}:8080`)).toBe(lan);
        await docker('network', 'disconnect', 'n1', 'web');
        await docker('network', 'disconnect', 'n2', 'web');
        await expectNoWeb(harness.lan, `${host}:8080`);
      },
    },
    {
      name: 'there is one default route, and it leads outside',
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('both'));
        await run('both', 'n2');
        await docker('network', 'connect', 'n1', 'both');
        const routes = (await inside('both')('ip', 'route'))
          .split('\n')
          .filter((line) => line.startsWith('default'));
        expect(routes).toHaveLength(1);
        await expectPing(inside('both'), lan, 'neighbour1', 'neighbour2');
        await docker('network', 'disconnect', 'n1', 'both');
        await expectPing(inside('both'), lan, 'neighbour2');
      },
    },
    {
      name: 'an internal network does not take the default route',
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('both'));
        await run('both', 'n1');
        await docker('network', 'connect', 'inner', 'both');
        expect(await inside('both')('ip', 'route')).toContain('default via 10.88.0.1');
        await expectPing(inside('both'), lan);
        await docker('network', 'disconnect', 'n1', 'both');
        await expectNoPing(inside('both'), lan);
        await docker('network', 'connect', 'n1', 'both');
        await expectPing(inside('both'), lan);
      },
    },
    {
      name: '--gw-priority chooses the default route',
      since: '28.0',
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('both'));
        await run('both', 'n1');
        await docker('network', 'connect', '--gw-priority', '10', 'n2', 'both');
        expect(await inside('both')('ip', 'route')).toContain('default via 10.89.0.1');
        await docker('network', 'disconnect', 'n2', 'both');
        expect(await inside('both')('ip', 'route')).toContain('default via 10.88.0.1');
      },
    },
    {
      name: "beside a network of Docker's own driver, in both orders",
      check: async ({ docker, inside, run, remove, defer }) => {
        defer(() => remove('ours', 'theirs'));
        await run('ours', 'n1');
        await run('theirs', 'plain');
        await docker('network', 'connect', 'plain', 'ours');
        await docker('network', 'connect', 'n1', 'theirs');
        await expectPing(inside('neighbour1'), 'ours', 'theirs');
        for (const name of ['ours', 'theirs']) await expectPing(inside(name), lan, 'neighbour1');
      },
    },
    {
      name: 'networks are kept over stop and start',
      check: async ({ docker, inside, run, serves, attachment, remove, defer }) => {
        defer(() => remove('both'));
        await run('both', 'n1', '-p', '8080:80');
        await docker('network', 'connect', '--ip', '10.89.0.50', 'n2', 'both');
        await docker('restart', '-t', '0', 'both');
        await serves('both');
        expect(await attachment('both', 'n2', 'IPAddress')).toBe('10.89.0.50');
        await expectPing(inside('both'), 'neighbour1', 'neighbour2');
      },
    },
    {
      name: 'a stopped container joins and leaves networks for its next start',
      check: async ({ docker, inside, run, serves, remove, defer }) => {
        defer(() => remove('moved'));
        await run('moved', 'n1');
        await docker('stop', '-t', '0', 'moved');
        await docker('network', 'connect', 'n2', 'moved');
        await docker('network', 'disconnect', 'n1', 'moved');
        await docker('start', 'moved');
        await serves('moved');
        await expectPing(inside('neighbour2'), 'moved');
        expect(await inside('moved')('ip', '-o', '-4', 'address')).not.toContain('10.88.');
      },
    },
  ],
};
