import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';

import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { native } from '../../../src/kernel/native.ts';
import { namespacesOfThreads, openDescriptors, usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();

function readIn(netns: string, path: string): string {
  const descriptor = native().openFileIn(netns, path, constants.O_RDONLY);
  try {
    return readFileSync(descriptor, 'latin1');
  } finally {
    closeSync(descriptor);
  }
}

describe('createNetns and deleteNetns', () => {
  it('pins a namespace that is not ours, and unpins it', () => {
    const own = statSync('/proc/self/ns/net').ino;
    const path = namespaces.path('green');
    native().createNetns(path);
    expect(statSync(path).ino).not.toBe(own);
    expect(statSync('/proc/self/ns/net').ino).toBe(own);
    native().deleteNetns(path);
    expect(existsSync(path)).toBe(false);
  });

  it('refuses a path that exists, and leaves it alone', () => {
    const path = namespaces.create('blue');
    const before = statSync(path).ino;
    const exists = expect.objectContaining({ errno: 17, code: 'EEXIST', syscall: 'open' });
    expect(() => native().createNetns(path)).toThrow(exists);
    expect(statSync(path).ino).toBe(before);
  });

  it('removes nothing but pinned network namespaces and the remains of a killed creation', () => {
    const file = namespaces.path('file');
    writeFileSync(file, 'precious');
    const wrong = expect.objectContaining({ code: 'EINVAL' });
    expect(() => native().deleteNetns(file)).toThrow(wrong);
    expect(() => native().deleteNetns('/proc')).toThrow(wrong);
    expect(() => native().deleteNetns('/proc/self/ns/net')).toThrow(
      expect.objectContaining({ code: 'ELOOP' }),
    );
    const missing = expect.objectContaining({ code: 'ENOENT' });
    expect(() => native().deleteNetns(namespaces.path('missing'))).toThrow(missing);
    expect(readFileSync(file, 'latin1')).toBe('precious');

    writeFileSync(file, '');
    native().deleteNetns(file);
    expect(existsSync(file)).toBe(false);
  });

  it('takes its file away when a later step fails', () => {
    // Without CAP_SYS_ADMIN the file can be made, but not the namespace.
    const path = namespaces.path('green');
    const addon = join(import.meta.dirname, '../../../native/build/Release/tsnet.node');
    const script = `try { require(${JSON.stringify(addon)}).createNetns(${JSON.stringify(path)}) }
      catch (error) { process.stdout.write(error.code + ' ' + error.syscall) }`;
    const command = ['--bounding-set=-sys_admin', process.execPath, '-e', script];
    expect(execFileSync('setpriv', command, { encoding: 'latin1' })).toBe('EPERM unshare');
    expect(existsSync(path)).toBe(false);
  });
});

describe('openFileIn', () => {
  it('reads and writes /proc/sys/net of the namespace and not of ours', () => {
    const netns = namespaces.create('blue');
    const path = '/proc/sys/net/ipv4/ip_default_ttl';
    const ours = readFileSync(path, 'latin1');
    const descriptor = native().openFileIn(netns, path, constants.O_WRONLY);
    writeFileSync(descriptor, '33');
    closeSync(descriptor);
    expect(readIn(netns, path)).toBe('33\n');
    expect(readFileSync(path, 'latin1')).toBe(ours);
  });

  it('leaves every thread where it was, and no descriptor', () => {
    const netns = namespaces.create('blue');
    const own = readlinkSync('/proc/self/ns/net');
    const before = openDescriptors();
    for (let round = 0; round < 200; round++) {
      readIn(netns, '/proc/thread-self/net/dev');
      expect(() => readIn(netns, '/nonexistent')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      expect(() => readIn('/etc/passwd', '/etc/passwd')).toThrow(
        expect.objectContaining({ syscall: 'setns' }),
      );
    }
    expect([...namespacesOfThreads()]).toEqual([own]);
    expect(openDescriptors()).toBe(before);
  });

  it('gives a descriptor that programs do not inherit and that waits as the caller asked', () => {
    const netns = namespaces.create('blue');
    const descriptor = native().openFileIn(netns, '/dev/null', constants.O_RDWR);
    const flags = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1').match(/flags:\s*(\d+)/)?.[1];
    closeSync(descriptor);
    const value = Number.parseInt(flags ?? '', 8);
    expect(value & 0o2000000).toBe(0o2000000);
    expect(value & constants.O_NONBLOCK).toBe(0);
  });
});
