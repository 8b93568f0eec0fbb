import { describe, expect, it } from 'vitest';
import type { SandboxDns } from '../../../src/model/index.ts';
import { formatResolvConf } from '../../../src/run/resolv-conf.ts';

const none: SandboxDns = { servers: [], searches: [], options: [] };
const host = `# made by somebody
nameserver 127.0.0.53 # a stub
nameserver 192.0.2.53
nameserver ::1
nameserver fd00::53
search old.example
search a.example b.example
options ndots:1 edns0
`;

describe('resolv.conf', () => {
  it("is the host's, without servers that only the host reaches", () => {
    expect(formatResolvConf(host, none, true)).toBe(
      'nameserver 192.0.2.53\nnameserver fd00::53\nsearch a.example b.example\noptions ndots:1 edns0\n',
    );
    expect(formatResolvConf(host, none, false)).toContain('nameserver 127.0.0.53\nnameserver 192.0.2.53\n');
  });

  it('is what the user says, line for line', () => {
    const wishes = {
      servers: ['192.0.2.9'],
      searches: ['c.example'],
      options: ['ndots:3'],
    } as unknown as SandboxDns;
    expect(formatResolvConf(host, wishes, true)).toBe(
      'nameserver 192.0.2.9\nsearch c.example\noptions ndots:3\n',
    );
    expect(formatResolvConf(host, { ...none, searches: ['.'] }, true)).not.toContain('search');
    expect(formatResolvConf('', none, true)).toBe('');
  });
});
