import { expect } from 'vitest';
import { httpGet } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import { expectPing, resolve } from './probes.ts';
import { surroundings } from './surroundings.ts';

const { dns } = surroundings;

/** What the engine's DNS server tells containers of our networks. */
export const names: Group = {
  name: 'names',
  setUp: async ({ createNetwork, run }) => {
    await Promise.all([
      createNetwork('n1', '--subnet', '10.88.0.0/24'),
      createNetwork('n2', '--subnet', '10.89.0.0/24'),
    ]);
    await run('web', 'n1', '--network-alias', 'www', '--network-alias', 'pool', '--hostname', 'shop');
    await run('client', 'n1', '--network-alias', 'pool');
    await run('stranger', 'n2');
  },
  cases: [
    {
      name: 'a container is found by its name, its id and its aliases',
      check: async ({ inside, docker }) => {
        const id = (await docker('inspect', '-f', '{{.Id}}', 'web')).slice(0, 12);
        for (const name of ['web', 'www', id]) {
          expect(await resolve(inside('client'), name), name).toEqual(['10.88.0.2']);
        }
        expect(await httpGet(inside('client'), 'http://web/')).toBe('shop');
        await expectPing(inside('client'), 'web', 'www');
      },
    },
    {
      name: 'an alias of several containers stands for all of them',
      check: async ({ inside }) => {
        expect(await resolve(inside('client'), 'pool')).toEqual(['10.88.0.2', '10.88.0.3']);
      },
    },
    {
      name: 'an address stands for container and network',
      check: async ({ inside }) => {
        expect(await inside('client')('nslookup', '10.88.0.2', '127.0.0.11')).toContain('web.n1');
      },
    },
    {
      name: 'names of another network are unknown',
      check: async ({ inside }) => {
        expect(await resolve(inside('stranger'), 'web')).toEqual([]);
      },
    },
    {
      name: '--link gives a container a second name',
      check: async ({ inside, run, remove, defer }) => {
        defer(() => remove('linked'));
        await run('linked', 'n1', '--link', 'web:db');
        expect(await resolve(inside('linked'), 'db')).toEqual(['10.88.0.2']);
        expect(await resolve(inside('client'), 'db')).toEqual([]);
      },
    },
    {
      name: "other names are asked of the engine's DNS server",
      check: async ({ inside }) => {
        expect(await resolve(inside('client'), 'www.example')).toEqual([dns[0].answer]);
      },
    },
    {
      name: '--dns names another server, --dns-search a domain',
      check: async ({ inside, run, remove, defer }) => {
        defer(() => remove('own-dns'));
        await run('own-dns', 'n1', '--dns', dns[1].address, '--dns-search', 'example');
        expect(await resolve(inside('own-dns'), 'www.example')).toEqual([dns[1].answer]);
        expect(await resolve(inside('own-dns'), 'web')).toEqual(['10.88.0.2']);
        expect(await inside('own-dns')('cat', '/etc/resolv.conf')).toContain('search example');
      },
    },
    {
      name: 'names still hold after a restart',
      check: async ({ inside, docker, run, serves, remove, defer }) => {
        defer(() => remove('again'));
        await run('again', 'n1', '--hostname', 'again');
        await docker('restart', '-t', '0', 'again');
        await serves('again');
        expect(await httpGet(inside('client'), 'http://again/')).toBe('again');
        expect(await httpGet(inside('again'), 'http://web/')).toBe('shop');
      },
    },
    {
      name: 'a new name holds at once',
      check: async ({ inside, docker, run, remove, defer }) => {
        defer(() => remove('new-name'));
        await run('old-name', 'n1');
        await docker('rename', 'old-name', 'new-name');
        await expectPing(inside('client'), 'new-name');
      },
    },
  ],
};
