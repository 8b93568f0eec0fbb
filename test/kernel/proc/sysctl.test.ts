import { expect, it } from 'vitest';
import { bootId, readSysctl, writeSysctl } from '../../../src/kernel/proc/index.ts';
import { createNetns } from '../../support/netns.ts';

it('are of the namespace that is named, and of no other', async () => {
  const own = readSysctl('ipv4/ip_forward');
  await using one = await createNetns('sysctl');
  await using other = await createNetns('sysctl');
  writeSysctl('ipv4/ip_forward', '1', one.path);
  writeSysctl('ipv4/ip_forward', '0', other.path);
  expect(readSysctl('ipv4/ip_forward', one.path)).toBe('1');
  expect(readSysctl('ipv4/ip_forward', other.path)).toBe('0');
  expect(readSysctl('ipv4/ip_forward')).toBe(own);
  const { stdout } = await one.exec('cat', '/proc/sys/net/ipv4/ip_forward');
  expect(stdout).toBe('1\n');
});

it('of interfaces with dots in their names are reached', async () => {
  await using netns = await createNetns('sysctl');
  await netns.exec('ip', 'link', 'add', 'br.5', 'type', 'bridge');
  writeSysctl('ipv6/conf/br.5/disable_ipv6', '1', netns.path);
  expect(readSysctl('ipv6/conf/br.5/disable_ipv6', netns.path)).toBe('1');
  expect(readSysctl('ipv6/conf/all/disable_ipv6', netns.path)).toBe('0');
});

it('that are absent or get a wrong value say so', async () => {
  await using netns = await createNetns('sysctl');
  const where = { kind: 'not-found', message: expect.stringContaining(`in ${netns.path}`) as string };
  expect(() => readSysctl('ipv4/conf/none/forwarding', netns.path)).toThrow(expect.objectContaining(where));
  expect(() => writeSysctl('ipv4/ip_forward', 'many', netns.path)).toThrow(
    expect.objectContaining({ errno: 'EINVAL', kind: 'kernel' }),
  );
});

it('tells the boot', () => {
  expect(bootId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
