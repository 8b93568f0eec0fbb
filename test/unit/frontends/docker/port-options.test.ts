import { describe, expect, it } from 'vitest';
import { parsePortMap } from '../../../../src/frontends/docker/port-options.ts';

const entry = { Proto: 6, Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 };

describe('the port map', () => {
  it.each([
    ['-p 8080:80', {}, { hostPorts: { first: 8080, last: 8080 } }],
    ['-p 80 and -P', { HostPort: 0, HostPortEnd: 0 }, {}],
    [
      '-p 127.0.0.1::80/udp',
      { Proto: 17, HostIP: '127.0.0.1', HostPort: 0 },
      { protocol: 'udp', hostIp: '127.0.0.1' },
    ],
    ['-p 0.0.0.0:8080:80', { HostIP: '0.0.0.0' }, { hostIp: '0.0.0.0' }],
    ['-p [::]:8080:80', { HostIP: '::' }, { hostIp: '::' }],
    ['-p 8100-8110:80', { HostPort: 8100, HostPortEnd: 8110 }, { hostPorts: { first: 8100, last: 8110 } }],
    ['an end of 0', { HostPortEnd: 0 }, { hostPorts: { first: 8080, last: 8080 } }],
  ])('%s', (_, change, expected) => {
    const [request] = parsePortMap([{ ...entry, ...change }]);
    const free = 'HostPort' in change && change.HostPort === 0;
    expect(request).toEqual({
      protocol: 'tcp',
      containerPort: 80,
      ...(free ? {} : { hostPorts: { first: 8080, last: 8080 } }),
      ...expected,
    });
  });

  it('puts fixed ports before ranges and ranges before free choice, whatever order they came in', () => {
    const free = { ...entry, Port: 1, HostPort: 0, HostPortEnd: 0 };
    const range = { ...entry, Port: 2, HostPort: 8000, HostPortEnd: 8005 };
    const fixed = { ...entry, Port: 3, HostPort: 8001, HostPortEnd: 8001 };
    for (const order of [
      [free, range, fixed],
      [range, free, fixed],
      [fixed, range, free],
    ]) {
      expect(parsePortMap(order).map(({ containerPort }) => containerPort)).toEqual([3, 2, 1]);
    }
  });

  it.each([
    [
      { Proto: 1 },
      'com.docker.network.portmap[0].Proto: 1 is not allowed, expected tcp (6), udp (17) or sctp (132)',
    ],
    [{ Port: 0 }, 'portmap[0].Port: 0 is not allowed'],
    [{ Port: 65536 }, 'a port number from 1 to 65535'],
    [{ HostPort: 1.5 }, 'portmap[0].HostPort: 1.5'],
    [
      { HostPortEnd: 8000 },
      'portmap[0].HostPortEnd: 8000 is not allowed, expected a port from 8080 to 65535',
    ],
    [{ HostIP: 'localhost' }, 'portmap[0].HostIP: "localhost"'],
  ])('refuses %o', (change, message) => {
    expect(() => parsePortMap([{ ...entry, ...change }])).toThrow(message);
  });
});
