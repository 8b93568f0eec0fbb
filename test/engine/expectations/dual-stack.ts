import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import { httpWhoami } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import { expectNoWeb, expectPing, expectWeb, resolve, udpAsk } from './probes.ts';

const host = lanAddresses.engine.ipv6;
const lan = lanAddresses.lan.ipv6;

// Docker's bridge driver leaves ip6tables alone by default before version 27.
const withoutIp6tables = { because: 'no ip6tables by default before version 27', before: '27.0' };

/** IPv6 beside IPv4, and alone. */
export const dualStack: Group = {
  name: 'IPv6',
  setUp: async ({ createNetwork, run }) => {
    await createNetwork('n1', '--ipv6', '--subnet', '10.88.0.0/24', '--subnet', 'fd00:88::/64');
    await createNetwork('n2', '--ipv6', '--subnet', '10.89.0.0/24', '--subnet', 'fd00:89::/64');
    await run(
      'web',
      'n1',
      '--hostname',
      'web',
      '--ip6',
      'fd00:88::99',
      '-p',
      '8080:80',
      '-p',
      '5353:5353/udp',
    );
    await run('client', 'n1');
    await run('stranger', 'n2');
  },
  cases: [
    {
      name: '--ip6 gives an address, and containers talk',
      check: async ({ inside, attachment }) => {
        expect(await attachment('web', 'n1', 'GlobalIPv6Address')).toBe('fd00:88::99');
        expect(await inside('web')('ip', '-6', '-o', 'address', 'show', 'eth0')).toContain('fd00:88::99/64');
        await expectPing(inside('client'), 'fd00:88::99');
        await expectWeb(inside('client'), '[fd00:88::99]', 'web');
        await expectWeb(inside('client'), '10.88.0.2', 'web');
      },
    },
    {
      name: 'a name stands for both addresses',
      check: async ({ inside }) => {
        expect(await resolve(inside('client'), 'web')).toEqual(['10.88.0.2', 'fd00:88::99']);
      },
    },
    {
      name: 'the default route is the gateway that inspect shows',
      check: async ({ inside, attachment }) => {
        const gateway = await attachment('client', 'n1', 'IPv6Gateway');
        expect(await inside('client')('ip', '-6', 'route')).toContain(`default via ${gateway}`);
        await expectPing(inside('client'), gateway);
      },
    },
    {
      name: 'the outside is reached',
      bridgeFails: { ...withoutIp6tables, error: /ping/ },
      check: ({ inside }) => expectPing(inside('client'), lan),
    },
    {
      name: 'a published port answers the LAN',
      check: async (harness) => {
        await expectWeb(harness.lan, `[${host}]:8080`, 'web');
        expect(await udpAsk(harness.lan, host, 5353, 'hello')).toBe('hello');
      },
    },
    {
      name: 'a published port shows the container the address of a LAN client',
      bridgeFails: { ...withoutIp6tables, error: /expected/ },
      check: async (harness) => {
        expect(await httpWhoami(harness.lan, `[${host}]:8080`)).toBe(lan);
      },
    },
    {
      name: 'a published port answers the host by its own address',
      check: ({ host: own }) => expectWeb(own, `[${host}]:8080`, 'web'),
    },
    {
      name: 'a published port answers the host by ::1',
      tsnetLacks: {
        because:
          'Linux has no route_localnet for IPv6, and there is no proxy process; localhost falls back to IPv4',
        error: /Failed to connect|Could not connect/,
      },
      check: ({ host: own }) => expectWeb(own, '[::1]:8080', 'web'),
    },
    {
      name: 'a published port answers other containers and itself',
      check: async ({ inside }) => {
        for (const name of ['client', 'stranger', 'web'])
          await expectWeb(inside(name), `[${host}]:8080`, 'web');
      },
    },
    {
      name: 'unpublished ports do not answer other networks',
      bridgeFails: { ...withoutIp6tables, error: /must not answer/ },
      check: ({ inside }) => expectNoWeb(inside('stranger'), '[fd00:88::99]'),
    },
    {
      name: 'unpublished ports do not answer a LAN host with a route',
      bridgeFails: { ...withoutIp6tables, error: /must not answer/ },
      check: async ({ lan, defer }) => {
        await lan('ip', 'route', 'add', 'fd00:88::/64', 'via', host);
        defer(() => lan('ip', 'route', 'del', 'fd00:88::/64', 'via', host));
        await expectNoWeb(lan, '[fd00:88::99]');
      },
    },
    {
      name: 'a network may have IPv6 only',
      since: '28.0',
      check: async ({ createNetwork, docker, inside, lan, run, remove, defer }) => {
        defer(async () => {
          await remove('six', 'seven');
          await docker('network', 'rm', 'only6');
        });
        await createNetwork('only6', '--ipv4=false', '--ipv6', '--subnet', 'fd00:66::/64');
        await run('six', 'only6', '--hostname', 'six', '-p', '8086:80');
        await run('seven', 'only6');
        await expectWeb(inside('seven'), 'six', 'six');
        await expectWeb(lan, `[${host}]:8086`, 'six');
        expect(await inside('six')('ip', '-4', '-o', 'address', 'show', 'scope', 'global')).toBe('');
      },
    },
  ],
};
