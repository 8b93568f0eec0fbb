import { describe, expect, it } from 'vitest';
import { parsePortMappings } from '../../../../src/frontends/netavark/port-mappings.ts';
import type { PortRequest } from '../../../../src/model/index.ts';

const mapping = (more: object = {}) => ({
  container_port: 80,
  host_ip: '',
  host_port: 8080,
  protocol: 'tcp',
  range: 1,
  ...more,
});
const request = (hostPort: number, containerPort: number, more: object = {}) =>
  ({
    protocol: 'tcp',
    hostPorts: { first: hostPort, last: hostPort },
    containerPort,
    ...more,
  }) as PortRequest;

describe('published ports', () => {
  it.each([
    [mapping(), [request(8080, 80)]],
    [mapping({ protocol: '', range: 0 }), [request(8080, 80)]],
    [mapping({ range: 3 }), [request(8080, 80), request(8081, 81), request(8082, 82)]],
    [mapping({ protocol: 'tcp,udp' }), [request(8080, 80), request(8080, 80, { protocol: 'udp' })]],
    [mapping({ host_ip: '::1', protocol: 'sctp' }), [request(8080, 80, { hostIp: '::1', protocol: 'sctp' })]],
  ])('%j', (given, requests) => {
    expect(parsePortMappings([given])).toEqual(requests);
  });

  it.each([
    [mapping({ host_port: 0 }), /port_mappings\[0\]\.host_port: 0 is not allowed/],
    [
      mapping({ container_port: 65_535, range: 2 }),
      /port_mappings\[0\]\.container_port: 65536 is not allowed/,
    ],
    [mapping({ range: 70_000 }), /port_mappings\[0\]\.range: 70000/],
    [mapping({ range: -1 }), /port_mappings\[0\]\.range/],
    [mapping({ host_ip: 'zz' }), /port_mappings\[0\]\.host_ip: "zz"/],
    [mapping({ protocol: 'icmp' }), /port_mappings\[0\]\.protocol: "icmp"/],
  ])('%j is refused', (given, message) => {
    expect(() => parsePortMappings([given])).toThrow(message);
  });
});
