import { describe, expect, it } from 'vitest';
import type { Ip, NetworkId, PortBinding, PortRequest, SandboxNetwork } from '../../../src/model/index.ts';
import { asBefore } from '../../../src/run/former-attachment.ts';

function network(ips: string[], former?: { ips: string[]; ports?: object[] }): SandboxNetwork {
  return {
    id: 'n' as NetworkId,
    ips: ips as Ip[],
    aliases: [],
    ...(former === undefined
      ? {}
      : { former: { ips: former.ips as Ip[], ports: (former.ports ?? []) as PortBinding[] } }),
  };
}
const request = (containerPort: number, first?: number, last = first, hostIp?: string) =>
  ({
    protocol: 'tcp',
    containerPort,
    ...(first === undefined ? {} : { hostPorts: { first, last } }),
    ...(hostIp === undefined ? {} : { hostIp }),
  }) as PortRequest;
const binding = (containerPort: number, hostPort: number, hostIp?: string) => ({
  protocol: 'tcp',
  containerPort,
  hostPort,
  ...(hostIp === undefined ? {} : { hostIp }),
});

describe('what a sandbox asks for when it is started again', () => {
  it('is what it wishes where it had nothing before, or nothing else', () => {
    expect(asBefore(network([]), [])).toBeUndefined();
    const fixed = network(['10.1.0.9'], { ips: ['10.1.0.9'], ports: [binding(80, 8080)] });
    expect(asBefore(fixed, [request(80, 8080)])).toBeUndefined();
  });

  it('are its addresses, in the family where it wishes none', () => {
    expect(asBefore(network([], { ips: ['10.1.0.9', 'fd00::9'] }), [])?.ips).toEqual(['10.1.0.9', 'fd00::9']);
    expect(asBefore(network(['10.1.0.7'], { ips: ['10.1.0.7', 'fd00::9'] }), [])?.ips).toEqual([
      '10.1.0.7',
      'fd00::9',
    ]);
  });

  it('are its host ports, each once', () => {
    const ports = [binding(80, 50_001), binding(80, 50_000, '127.0.0.1'), binding(80, 9002), binding(81, 7)];
    const before = asBefore(network([], { ips: [], ports }), [
      request(80, undefined, undefined, '127.0.0.1'),
      request(80),
      request(80, 9000, 9005),
      request(81, 9000, 9005),
      request(82),
    ]);
    expect(before?.ports).toEqual([
      request(80, 50_000, 50_000, '127.0.0.1'),
      request(80, 50_001),
      request(80, 9002),
      request(81, 9000, 9005),
      request(82),
    ]);
  });
});
