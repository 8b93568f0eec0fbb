import { describe, expect, it } from 'vitest';
import { parseExposeFlag, parsePortFlag } from '../../../../../src/frontends/cli/run/parse-port-flag.ts';

const one = (first: number, last = first) => ({ first, last });

describe('-p', () => {
  it.each([
    ['80', [{ protocol: 'tcp', containerPort: 80 }]],
    ['80/UDP', [{ protocol: 'udp', containerPort: 80 }]],
    ['8080:80', [{ protocol: 'tcp', containerPort: 80, hostPorts: one(8080) }]],
    ['0:80', [{ protocol: 'tcp', containerPort: 80 }]],
    [
      '127.0.0.1:8080:80',
      [{ protocol: 'tcp', hostIp: '127.0.0.1', containerPort: 80, hostPorts: one(8080) }],
    ],
    ['127.0.0.1::80/udp', [{ protocol: 'udp', hostIp: '127.0.0.1', containerPort: 80 }]],
    ['[::1]:8080:80', [{ protocol: 'tcp', hostIp: '::1', containerPort: 80, hostPorts: one(8080) }]],
    ['fd00::1:8080:80', [{ protocol: 'tcp', hostIp: 'fd00::1', containerPort: 80, hostPorts: one(8080) }]],
    ['[::]::80/sctp', [{ protocol: 'sctp', hostIp: '::', containerPort: 80 }]],
    ['8000-8005:80', [{ protocol: 'tcp', containerPort: 80, hostPorts: one(8000, 8005) }]],
    [
      '8000-8001:80-81',
      [
        { protocol: 'tcp', containerPort: 80, hostPorts: one(8000) },
        { protocol: 'tcp', containerPort: 81, hostPorts: one(8001) },
      ],
    ],
    [
      '80-81',
      [
        { protocol: 'tcp', containerPort: 80 },
        { protocol: 'tcp', containerPort: 81 },
      ],
    ],
    ['published=8080,target=80,protocol=udp', [{ protocol: 'udp', containerPort: 80, hostPorts: one(8080) }]],
    ['target=80', [{ protocol: 'tcp', containerPort: 80 }]],
  ])('reads %s', (text, requests) => {
    expect(parsePortFlag(text)).toEqual(requests);
  });

  it.each([
    ['', 'is not allowed'],
    ['8080:', 'is not allowed'],
    ['web:80', 'is not allowed'],
    ['1.2.3:8080:80', '"1.2.3" is not allowed, expected an IPv4 or IPv6 address'],
    ['80/icmp', 'expected tcp (6), udp (17) or sctp (132)'],
    ['70000:80', '70000 is not allowed, expected a port number'],
    ['8080:0', '0 is not allowed, expected a port number'],
    ['8005-8000:80', 'whose last port is not below 8005'],
    ['8000-8002:80-81', 'as many host ports as ports, 2 and not 3'],
    ['8000:80-81', 'as many host ports as ports, 2 and not 1'],
    ['port=80', 'expected published=HOST-PORT,target=PORT'],
    ['8080:80:', 'is not allowed'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePortFlag(text)).toThrow(message);
  });
});

describe('--expose', () => {
  it('reads ports and ranges', () => {
    expect(parseExposeFlag('80')).toEqual([{ protocol: 'tcp', port: 80 }]);
    expect(parseExposeFlag('7-8/udp')).toEqual([
      { protocol: 'udp', port: 7 },
      { protocol: 'udp', port: 8 },
    ]);
  });

  it.each(['', '0', '80/', '80/tcp/udp', '9-8', '80:80'])('refuses %j', (text) => {
    expect(() => parseExposeFlag(text)).toThrow(/is not allowed/);
  });
});
