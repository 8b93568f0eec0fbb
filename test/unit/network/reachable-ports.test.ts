import { describe, expect, it } from 'vitest';
import type { IpFamily, PortRequest } from '../../../src/model/index.ts';
import { reachablePorts } from '../../../src/network/reachable-ports.ts';

const request = (hostPort: number, containerPort: number, more: object = {}) =>
  ({
    protocol: 'tcp',
    hostPorts: { first: hostPort, last: hostPort },
    containerPort,
    ...more,
  }) as PortRequest;

describe('the ports that a network can take on', () => {
  const anywhere = request(8080, 80);
  const only6 = request(90, 90, { hostIp: '::1' });

  it.each<[readonly IpFamily[], readonly PortRequest[]]>([
    [
      [4, 6],
      [anywhere, only6],
    ],
    [[4], [anywhere]],
    [[6], [anywhere, only6]],
    [[], []],
  ])('with addresses of %j', (families, ports) => {
    const { unreachable, ...reachable } = reachablePorts([anywhere, only6], new Set(families));
    expect(reachable).toEqual({ ports });
    expect([...ports, ...unreachable]).toEqual([anywhere, only6]);
  });
});
