import { describe, expect, it } from 'vitest';
import { readSysctl } from '../../../../src/kernel/proc/sysctl.ts';

describe('paths of sysctls', () => {
  it.each([
    '../kernel/hostname',
    'ipv4/../../kernel/hostname',
    'ipv4/..',
    '/etc/passwd',
    'ipv4//ip_forward',
    'ipv4/',
    'ipv4/./ip_forward',
    '.',
    '',
    'ipv4/a b',
    'ipv4/a\0',
  ])('%j leads elsewhere', (path) => {
    expect(() => readSysctl(path)).toThrow(expect.objectContaining({ kind: 'invalid-input' }));
  });

  it('may hold dots in names', () => {
    expect(() => readSysctl('ipv4/conf/no.such.link/forwarding')).toThrow(
      expect.objectContaining({ kind: 'not-found' }),
    );
  });
});
