import { expect, it } from 'vitest';
import { formatPorts, openPlaces } from '../../../../src/frontends/cli/format-ports.ts';
import { parseAddress, parseIp, parsePort, type PortBinding } from '../../../../src/model/index.ts';

const port = (hostPort: number, containerPort: number, extra: Partial<PortBinding> = {}): PortBinding => ({
  protocol: 'tcp',
  hostPort: parsePort(hostPort),
  containerPort: parsePort(containerPort),
  ...extra,
});

it.each([
  [[port(8080, 80)], [4], ['0.0.0.0:8080->80/tcp']],
  [[port(8080, 80)], [4, 6], ['0.0.0.0:8080->80/tcp', '[::]:8080->80/tcp']],
  [[port(53, 53, { protocol: 'udp', hostIp: parseIp('::1') })], [4, 6], ['[::1]:53->53/udp']],
  [[port(8002, 9002), port(8000, 9000), port(8001, 9001)], [4], ['0.0.0.0:8000-8002->9000-9002/tcp']],
  [
    [port(8000, 9000), port(8001, 9001, { protocol: 'udp' }), port(8003, 9003)],
    [4],
    ['0.0.0.0:8000->9000/tcp', '0.0.0.0:8003->9003/tcp', '0.0.0.0:8001->9001/udp'],
  ],
  [[port(8080, 80), port(8081, 80)], [4], ['0.0.0.0:8080->80/tcp', '0.0.0.0:8081->80/tcp']],
  [[], [4], []],
] as const)('%j of families %j: %j', (ports, families, expected) => {
  expect(formatPorts(ports, new Set(families))).toEqual(expected);
});

it('open ports are shown where they answer: at the addresses of their family', () => {
  const openPorts = [
    { family: 6, protocol: 'tcp', port: parsePort(80) },
    { family: 4, protocol: 'udp', port: parsePort(53) },
  ] as const;
  const addresses = [parseAddress('10.1.0.2/24'), parseAddress('fd00:1::2/64')];
  expect(openPlaces({ openPorts, addresses })).toEqual([
    { port: '80/tcp', place: '[fd00:1::2]:80' },
    { port: '53/udp', place: '10.1.0.2:53' },
  ]);
});
