import { describe, expect, it } from 'vitest';
import { parseCgroup, parseNetnsMounts } from '../../../../src/kernel/proc/index.ts';

describe('parseCgroup', () => {
  it.each([
    ['v2', '0::/system.slice/docker-ab.scope\n', '/system.slice/docker-ab.scope'],
    ['v1', '5:cpu,cpuacct:/x\n4:pids:/docker/ab\n1:name=systemd:/docker/ab\n', '/docker/ab'],
    ['both, v2 unused', '4:pids:/docker/ab\n0::/\n', '/docker/ab'],
    ['both, v2 used', '4:pids:/\n0::/user.slice\n', '/user.slice'],
    ['a name with colons', '0::/a:b:c\n', '/a:b:c'],
    ['nothing', '', '/'],
  ])('%s', (_, text, path) => {
    expect(parseCgroup(text)).toBe(path);
  });
});

describe('parseNetnsMounts', () => {
  it('finds network namespaces and no others, with names as they are', () => {
    const text = [
      '22 1 0:4 mnt:[4026531841] /run/mnt rw shared:3 - nsfs nsfs rw',
      '23 1 0:4 net:[4026532281] /run/netns/blue rw shared:3 master:1 - nsfs nsfs rw',
      '24 1 0:4 net:[4026532282] /run/netns/a\\040b\\134\\012c rw - nsfs nsfs rw',
      '25 1 0:4 net:[4026532283] /run/netns/grün rw - nsfs nsfs rw',
      '26 1 8:1 /net:[4] /srv/net:[5] rw - ext4 /dev/sda1 rw',
      '',
    ].join('\n');
    expect(parseNetnsMounts(text)).toEqual([
      { inode: 4026532281, path: '/run/netns/blue' },
      { inode: 4026532282, path: '/run/netns/a b\\\nc' },
      { inode: 4026532283, path: '/run/netns/grün' },
    ]);
  });
});
