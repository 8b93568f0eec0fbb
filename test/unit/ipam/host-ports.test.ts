import { describe, expect, it } from 'vitest';
import { chooseHostPort, shareAddress, type PortUser } from '../../../src/ipam/index.ts';
import { parseIp, parsePort, type PortRequest } from '../../../src/model/index.ts';

const range = (first: number, last = first) => ({ first: parsePort(first), last: parsePort(last) });
const request = (extra: Partial<PortRequest> = {}): PortRequest => ({
  protocol: 'tcp',
  containerPort: parsePort(80),
  ...extra,
});
const users =
  (...entries: (PortUser & { port: number; protocol?: string })[]) =>
  (protocol: string, port: number) =>
    entries.filter((entry) => entry.port === port && (entry.protocol ?? 'tcp') === protocol);
const nobody = users();

describe('chooseHostPort', () => {
  it('takes the port that is asked for', () => {
    const holders = users({ port: 8080, protocol: 'udp', owner: 'endpoint:1' });
    expect(chooseHostPort(request({ hostPorts: range(8080) }), { holders })).toBe(8080);
  });

  it('names the holder of a port that is in use, published or listened on', () => {
    const hostPorts = range(8080);
    const held = { port: 8080, owner: 'endpoint:1' };
    const listening = { port: 8080, owner: 'process nginx (12)', hostIp: parseIp('127.0.0.1') };
    for (const [parties, owner] of [
      [{ holders: users(held) }, 'endpoint:1'],
      [{ holders: nobody, listeners: users(listening) }, 'process nginx (12)'],
    ] as const) {
      expect(() => chooseHostPort(request({ hostPorts }), parties)).toThrow(
        expect.objectContaining({
          kind: 'conflict',
          message: `publish port 8080/tcp: it is held by ${owner}`,
        }),
      );
    }
  });

  it('takes a port that another host address has', () => {
    const holders = users({ port: 8080, hostIp: parseIp('10.0.0.1'), owner: 'endpoint:1' });
    const on = (ip: string) =>
      chooseHostPort(request({ hostPorts: range(8080), hostIp: parseIp(ip) }), { holders });
    expect([on('10.0.0.2'), on('::'), on('fd00::1')]).toEqual([8080, 8080, 8080]);
    for (const ip of ['10.0.0.1', '0.0.0.0']) expect(() => on(ip)).toThrow(/held by endpoint:1/);
  });

  it('takes the lowest free port of a range', () => {
    const holders = users({ port: 8000, owner: 'a' }, { port: 8001, owner: 'b' });
    expect(chooseHostPort(request({ hostPorts: range(8000, 8002) }), { holders })).toBe(8002);
    expect(() => chooseHostPort(request({ hostPorts: range(8000, 8001) }), { holders })).toThrow(
      expect.objectContaining({ kind: 'conflict', message: expect.stringContaining('the first by a') }),
    );
  });

  it('goes through the dynamic ports in a circle', () => {
    const holders = users({ port: 50001, owner: 'a' });
    const choose = (last?: number) =>
      chooseHostPort(request(), {
        holders,
        dynamic: range(50000, 50002),
        ...(last === undefined ? {} : { last: parsePort(last) }),
      });
    expect([choose(), choose(50000), choose(50002), choose(80)]).toEqual([50000, 50002, 50000, 50000]);
    expect(chooseHostPort(request(), { holders: nobody })).toBe(49153);
    expect(() =>
      chooseHostPort(request(), { holders: () => [{ owner: 'a' }], dynamic: range(50000, 50002) }),
    ).toThrow(expect.objectContaining({ kind: 'exhausted' }));
  });
});

describe('shareAddress', () => {
  it.each([
    [undefined, '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['0.0.0.0', '10.0.0.2', true],
    ['0.0.0.0', '::', false],
    ['::', 'fd00::1', true],
  ])('%s and %s: %s', (one, other, expected) => {
    const [left, right] = [one && parseIp(one), other && parseIp(other)].map((ip) => ip || undefined);
    expect(shareAddress(left, right)).toBe(expected);
    expect(shareAddress(right, left)).toBe(expected);
  });
});
