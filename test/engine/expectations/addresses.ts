import { expect } from 'vitest';
import type { Group } from './case.ts';
import { expectPing } from './probes.ts';

/** Addresses of containers: those asked for, and those given. */
export const addresses: Group = {
  name: 'addresses',
  setUp: async ({ createNetwork, run }) => {
    const flags = ['--subnet', '10.88.0.0/16', '--gateway', '10.88.0.254', '--ip-range', '10.88.7.0/29'];
    await createNetwork('n1', ...flags, '--aux-address', 'router=10.88.7.1');
    await run('fixed', 'n1', '--ip', '10.88.9.9', '--mac-address', '02:42:00:00:00:99');
    await run('dynamic', 'n1');
  },
  cases: [
    {
      name: '--ip gives an address, also outside of the range',
      check: async ({ inside }) => {
        expect(await inside('fixed')('ip', '-4', '-o', 'address')).toContain('10.88.9.9/16');
        await expectPing(inside('dynamic'), '10.88.9.9');
      },
    },
    {
      name: '--ip-range is where other addresses come from, without --aux-address',
      check: async ({ inside, run, remove, defer }) => {
        defer(() => remove('next'));
        await run('next', 'n1');
        for (const name of ['dynamic', 'next']) {
          const found = /10\.88\.7\.(\d)\/16/.exec(await inside(name)('ip', '-4', '-o', 'address'))?.[1];
          expect(Number(found) < 8).toBe(true);
          expect(found).not.toBe('1');
        }
      },
    },
    {
      name: 'a full range is refused',
      check: async ({ createNetwork, runFails, docker, run, remove, defer }) => {
        defer(async () => {
          await remove('only', 'one-more');
          await docker('network', 'rm', 'small');
        });
        await createNetwork('small', '--subnet', '10.87.0.0/30');
        await run('only', 'small');
        expect(await runFails('small', '--name', 'one-more')).toMatch(
          /no available|all 2 addresses are taken/,
        );
      },
    },
    {
      name: '--gateway is the default route',
      check: async ({ inside }) => {
        expect(await inside('dynamic')('ip', 'route')).toContain('default via 10.88.0.254');
        await expectPing(inside('dynamic'), '10.88.0.254');
      },
    },
    {
      name: '--mac-address gives the hardware address',
      check: async ({ inside, attachment }) => {
        expect(await inside('fixed')('ip', '-o', 'link', 'show', 'eth0')).toContain('02:42:00:00:00:99');
        expect(await attachment('fixed', 'n1', 'MacAddress')).toBe('02:42:00:00:00:99');
      },
    },
    {
      name: 'inspect shows gateway, address and prefix, of container and network',
      check: async ({ docker, attachment }) => {
        expect(await attachment('fixed', 'n1', 'IPAddress')).toBe('10.88.9.9');
        expect(await attachment('fixed', 'n1', 'Gateway')).toBe('10.88.0.254');
        expect(await attachment('fixed', 'n1', 'IPPrefixLen')).toBe('16');
        const network = await docker('network', 'inspect', 'n1');
        for (const part of [
          '"Gateway": "10.88.0.254"',
          '"IPRange": "10.88.7.0/29"',
          '"IPv4Address": "10.88.9.9/16"',
        ]) {
          expect(network).toContain(part);
        }
      },
    },
    {
      name: 'a taken address is refused',
      check: async ({ remove, runFails }) => {
        expect(await runFails('n1', '--name', 'twin', '--ip', '10.88.9.9')).toMatch(/already in use/i);
        await remove('twin');
      },
    },
    {
      name: 'the addresses of gateway, --aux-address and outside of the subnet are refused',
      check: async ({ remove, runFails }) => {
        for (const address of ['10.88.0.254', '10.88.7.1', '10.99.0.1']) {
          expect(await runFails('n1', '--name', 'wrong', '--ip', address)).toMatch(
            /already in use|invalid|not (?:in|within|part)|no configured subnet/i,
          );
          await remove('wrong');
        }
      },
    },
    {
      name: 'an address is kept over stop and start',
      check: async ({ docker, run, attachment, serves, remove, defer }) => {
        defer(() => remove('kept'));
        await run('kept', 'n1', '--ip', '10.88.3.3');
        await docker('stop', '-t', '0', 'kept');
        await docker('start', 'kept');
        await serves('kept');
        expect(await attachment('kept', 'n1', 'IPAddress')).toBe('10.88.3.3');
      },
    },
    {
      name: 'an overlapping subnet is refused',
      check: async ({ createNetworkFails }) => {
        expect(await createNetworkFails('twin', '--subnet', '10.88.128.0/24')).toMatch(/overlap/i);
      },
    },
    {
      name: 'a network without --subnet gets one that nobody uses',
      check: async ({ createNetwork, docker, host, defer }) => {
        defer(() => docker('network', 'rm', 'free1', 'free2'));
        await createNetwork('free1');
        await createNetwork('free2');
        const subnets = await docker(
          'network',
          'inspect',
          '-f',
          '{{(index .IPAM.Config 0).Subnet}}',
          'free1',
          'free2',
          'bridge',
        );
        expect(new Set(subnets.split('\n')).size).toBe(3);
        expect(await host('ip', 'route')).toContain(subnets.split('\n')[0]);
      },
    },
    {
      name: '--ip needs a subnet that the user chose',
      check: async ({ createNetwork, docker, runFails, defer }) => {
        await createNetwork('free');
        const subnet = await docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'free');
        defer(async () => {
          await docker('rm', '-f', 'wrong');
          await docker('network', 'rm', 'free');
        });
        const address = subnet.replace(/\.0\/\d+$/, '.77');
        expect(await runFails('free', '--name', 'wrong', '--ip', address)).toContain(
          'user configured subnet',
        );
      },
    },
  ],
};
