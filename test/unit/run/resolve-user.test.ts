import { describe, expect, it } from 'vitest';
import { environmentOf } from '../../../src/run/command-environment.ts';
import { resolveUser } from '../../../src/run/resolve-user.ts';

const files = {
  passwd: `root:x:0:0:root:/root:/bin/bash
# of the web
web:x:33:34:web:/var/www:/bin/sh
homeless:x:40:40:::
1000:x:77:77:a name of digits:/srv:/bin/sh
`,
  group: `root:x:0:
www:x:34:
adm:x:4:web,root
disk:x:6:web
webby:x:9:webmaster
`,
};

describe('a user', () => {
  it.each([
    ['web', { uid: 33, gid: 34, groups: [4, 6], home: '/var/www', name: 'web' }],
    ['33', { uid: 33, gid: 34, groups: [4, 6], home: '/var/www', name: 'web' }],
    ['web:adm', { uid: 33, gid: 4, groups: [], home: '/var/www', name: 'web' }],
    ['33:6', { uid: 33, gid: 6, groups: [], home: '/var/www', name: 'web' }],
    ['root', { uid: 0, gid: 0, groups: [4], home: '/root', name: 'root' }],
    ['homeless', { uid: 40, gid: 40, groups: [], home: '/', name: 'homeless' }],
    ['5000', { uid: 5000, gid: 0, groups: [], home: '/' }],
    ['5000:6000', { uid: 5000, gid: 6000, groups: [], home: '/' }],
    ['1000', { uid: 77, gid: 77, groups: [], home: '/srv', name: '1000' }],
  ])('%s', (text, user) => {
    expect(resolveUser(text, files)).toEqual(user);
  });

  it.each([
    ['nobody', 'user nobody is not known'],
    ['web:nobody', 'group nobody is not known'],
    ['-1', 'user -1 is not known'],
    ['4294967295', 'user 4294967295 is not known'],
    ['web:adm:x', 'group adm:x is not known'],
  ])('%s is none', (text, message) => {
    expect(() => resolveUser(text, files)).toThrow(message);
  });
});

describe('the environment of a command', () => {
  const ours = { HOME: '/root', USER: 'root', PATH: '/bin', LANG: 'C' };

  it('is ours with what was wished', () => {
    expect(environmentOf(ours, undefined, ['LANG=a=b', 'NEW='])).toEqual({ ...ours, LANG: 'a=b', NEW: '' });
  });

  it('says whose it is, unless that was wished otherwise', () => {
    const web = resolveUser('web', files);
    expect(environmentOf(ours, web, [])).toMatchObject({ HOME: '/var/www', USER: 'web', LOGNAME: 'web' });
    expect(environmentOf(ours, web, ['HOME=/tmp'])).toMatchObject({ HOME: '/tmp' });
    expect(environmentOf(ours, resolveUser('5000', files), [])).toMatchObject({ HOME: '/', USER: undefined });
  });
});
