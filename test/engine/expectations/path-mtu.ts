import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import type { Group } from './case.ts';
import { failedPing } from './probes.ts';
import { surroundings } from './surroundings.ts';

const host = lanAddresses.engine.ipv4;
const { far, farMtu } = surroundings;

/** ICMP errors find their way through the translation, in both directions. */
export const pathMtu: Group = {
  name: 'ICMP errors through NAT',
  setUp: async ({ createNetwork, run, inside }) => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run('web', 'n1', '-p', '8080:80');
    await inside('web')('sh', '-c', 'head -c 200000 /dev/zero >/www/large');
  },
  cases: [
    {
      name: 'a container learns the path MTU of a far host',
      check: async ({ inside }) => {
        expect(await failedPing(inside('web'), '-W', '1', '-M', 'do', '-s', '1400', far)).toContain(
          `Frag needed and DF set (mtu = ${farMtu})`,
        );
        expect(await inside('web')('ip', 'route', 'get', far)).toContain(`mtu ${farMtu}`);
      },
    },
    {
      name: 'a far client gets a large answer from a published port',
      check: async ({ far: client }) => {
        const answer = await client(
          'curl',
          '-s',
          '--max-time',
          '5',
          '-w',
          '%{size_download}',
          '-o',
          '/dev/null',
          `http://${host}:8080/large`,
        );
        expect(answer).toBe('200000');
      },
    },
    {
      name: 'a container sees where its packets expire',
      check: async ({ inside }) => {
        const lastHop = (ttl: number) => failedPing(inside('web'), '-W', '1', '-t', String(ttl), far);
        expect(await lastHop(1)).toContain('From 10.88.0.1 icmp_seq=1 Time to live exceeded');
        expect(await lastHop(2)).toContain(`From ${lanAddresses.lan.ipv4} icmp_seq=1 Time to live exceeded`);
      },
    },
    {
      name: 'a container learns that a UDP port outside is closed',
      check: async ({ inside }) => {
        const send = `echo x | socat -t 0.3 - UDP4:${lanAddresses.lan.ipv4}:5398`;
        await expect(inside('web')('sh', '-c', send)).rejects.toThrow(/refused/);
      },
    },
  ],
};
