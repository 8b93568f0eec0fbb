import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import { httpWhoami } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import { expectNoPing, expectPing, expectWeb, resolve } from './probes.ts';

const { engine: host, lan } = lanAddresses;

/** Commands about networks, and Compose. */
export const engineCommands: Group = {
  name: 'commands',
  cases: [
    {
      name: 'network rm refuses a network in use',
      check: async ({ createNetwork, run, remove, docker, dockerFails, inside, lan: neighbour, defer }) => {
        await createNetwork('n1', '--subnet', '10.88.0.0/24');
        defer(async () => {
          await remove('web');
          await docker('network', 'rm', 'n1');
        });
        await run('web', 'n1', '--hostname', 'web', '-p', '8080:80');
        expect(await dockerFails('network', 'rm', 'n1')).toContain('active endpoints');
        await expectPing(inside('web'), lan.ipv4);
        await expectWeb(neighbour, `${host.ipv4}:8080`, 'web');
      },
    },
    {
      name: 'network prune removes unused networks only',
      check: async ({ createNetwork, run, remove, docker, defer }) => {
        await createNetwork('used');
        await createNetwork('unused');
        defer(async () => {
          await remove('web');
          await docker('network', 'rm', 'used');
        });
        await run('web', 'used');
        expect((await docker('network', 'prune', '-f')).split('\n').slice(1)).toEqual(['unused']);
        expect(await docker('network', 'ls', '-q', '--filter', 'name=unused')).toBe('');
      },
    },
    {
      name: 'network inspect and ls show driver, options, labels and flags',
      check: async ({ createNetwork, docker, driver, defer }) => {
        const flags = ['--label', 'team=shop', '--internal', '--attachable'];
        await createNetwork('n1', ...flags, '-o', 'com.docker.network.driver.mtu=1400');
        defer(() => docker('network', 'rm', 'n1'));
        const shown =
          '{{.Driver}} {{.Internal}} {{.Attachable}} {{.Scope}} {{json .Labels}} {{json .Options}}';
        expect(await docker('network', 'inspect', '-f', shown, 'n1')).toBe(
          `${driver} true true local {"team":"shop"} {"com.docker.network.driver.mtu":"1400"}`,
        );
        expect(
          await docker('network', 'ls', '--filter', `driver=${driver}`, '--format', '{{.Name}}'),
        ).toContain('n1');
      },
    },
    {
      name: 'a second network of the same name is refused',
      check: async ({ createNetwork, createNetworkFails, docker, defer }) => {
        await createNetwork('n1');
        defer(() => docker('network', 'rm', 'n1'));
        expect(await createNetworkFails('n1')).toContain('already exists');
      },
    },
    {
      name: 'disconnect -f removes the container from the network',
      check: async ({ createNetwork, docker, run, remove, inside, defer }) => {
        await createNetwork('n1');
        await run('web', 'n1');
        defer(async () => {
          await remove('web');
          await docker('network', 'rm', 'n1');
        });
        await docker('network', 'disconnect', '-f', 'n1', 'web');
        expect(await inside('web')('ip', '-o', 'link')).not.toContain('eth0');
        expect(await docker('network', 'inspect', '-f', '{{len .Containers}}', 'n1')).toBe('0');
      },
    },
    {
      name: "the driver works with the engine's own IPAM",
      check: async ({ docker, driver, run, remove, inside, defer }) => {
        await docker('network', 'create', '-d', driver, '--subnet', '10.86.0.0/24', 'n1');
        defer(async () => {
          await remove('web', 'client');
          await docker('network', 'rm', 'n1');
        });
        await run('web', 'n1', '--hostname', 'web', '--ip', '10.86.0.9');
        await run('client', 'n1');
        await expectWeb(inside('client'), 'web', 'web');
        await expectPing(inside('client'), lan.ipv4);
      },
    },
    {
      name: 'Compose brings up static addresses, aliases, ports and an internal network, and takes them down',
      check: async ({ engine, driver, inside, lan: neighbour, serves, docker, defer }) => {
        const folder = join(engine.folder, `compose-${Date.now()}`);
        await mkdir(folder);
        await writeFile(join(folder, 'docker-compose.yml'), composeFile(driver));
        const compose = (...args: string[]) => engine.compose(folder, '-p', 'shop', ...args);
        defer(() => compose('down', '-t', '0'));
        await compose('up', '-d');
        await Promise.all(['shop-web', 'shop-client', 'shop-database'].map(serves));
        expect(await resolve(inside('shop-client'), 'www')).toEqual(['10.90.0.10']);
        expect(await httpWhoami(inside('shop-database'), '10.91.0.10')).toBe('10.91.0.20');
        expect(await inside('shop-web')('ip', '-o', 'link')).toContain('mtu 1450');
        expect(await httpWhoami(neighbour, `${host.ipv4}:8080`)).toBe(lan.ipv4);
        await expectPing(inside('shop-web'), lan.ipv4, 'database');
        await expectNoPing(inside('shop-database'), lan.ipv4);
        await compose('restart', '-t', '0');
        await serves('shop-web');
        expect(await httpWhoami(neighbour, `${host.ipv4}:8080`)).toBe(lan.ipv4);
        await compose('down', '-t', '0');
        expect(await docker('network', 'ls', '-q', '--filter', 'name=shop_')).toBe('');
      },
    },
  ],
};

function composeFile(driver: string): string {
  const network = (subnet: string, more: string) => `
    driver: ${driver}
    ${more}
    ipam:
      ${driver === 'tsnet' ? 'driver: tsnet' : ''}
      config: [{ subnet: ${subnet} }]`;
  return `
version: '2.4'
services:
  web:
    image: tsnet-test
    container_name: shop-web
    ports: ['8080:80', '127.0.0.1:5353:5353/udp']
    networks:
      front: { ipv4_address: 10.90.0.10, aliases: [www, site.example] }
      back: { ipv4_address: 10.91.0.10 }
  client:
    image: tsnet-test
    container_name: shop-client
    networks: [front]
  database:
    image: tsnet-test
    container_name: shop-database
    networks:
      back: { ipv4_address: 10.91.0.20 }
networks:
  front:${network('10.90.0.0/24', "driver_opts: { com.docker.network.driver.mtu: '1450' }")}
  back:${network('10.91.0.0/24', 'internal: true')}
`;
}
