import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../../src/inspect/capture/decode-frame.ts';
import { frame, icmpError, ipPacket } from './frames.ts';

const syn = { from: ['198.18.7.2', 41822], to: ['198.18.7.1', 8088], flags: 2, sequence: 99 } as const;

describe('decodeFrame', () => {
  it('reads a segment, tagged or not, with or without a link layer header', () => {
    const expected = {
      source: '198.18.7.2',
      destination: '198.18.7.1',
      protocol: 6,
      sourcePort: 41822,
      destinationPort: 8088,
      payload: 5,
      ttl: 64,
      tcp: { flags: 2, sequence: 99, acknowledgement: 0 },
    };
    const parts = { ...syn, payload: 'hello' };
    expect(decodeFrame(frame(parts), true)).toMatchObject(expected);
    expect(decodeFrame(frame({ ...parts, vlan: 42 }), true)).toMatchObject(expected);
    expect(decodeFrame(ipPacket(parts), false)).toMatchObject(expected);
  });

  it('knows a packet again whose addresses and ports were translated', () => {
    const translated = { ...syn, to: ['10.66.0.3', 80] as const };
    const identity = (data: Buffer) => decodeFrame(data, true)?.identity;
    expect(identity(frame(translated))).toBe(identity(frame(syn)));
    expect(identity(frame({ ...translated, id: 8 }))).not.toBe(identity(frame(syn)));
    expect(identity(frame({ ...translated, sequence: 98 }))).not.toBe(identity(frame(syn)));
    const { flags: _, ...datagram } = { ...syn, payload: 'one' };
    expect(identity(frame({ ...datagram, payload: 'two' }))).not.toBe(identity(frame(datagram)));
  });

  it('reads IPv6', () => {
    expect(
      decodeFrame(frame({ from: ['fd00::2', 1], to: ['fd00::3', 53], payload: 'x' }), true),
    ).toMatchObject({
      source: 'fd00::2',
      destination: 'fd00::3',
      protocol: 17,
      destinationPort: 53,
      payload: 1,
    });
  });

  it('reads what an ICMP error is about, of which only the ports are there', () => {
    expect(decodeFrame(icmpError('10.66.0.1', syn), true)?.error).toMatchObject({
      type: 3,
      code: 1,
      about: { destination: '198.18.7.1', destinationPort: 8088 },
    });
  });

  it('survives any bytes', () => {
    const whole = frame({ ...syn, payload: 'hello' });
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeFrame(whole.subarray(0, length), true)).not.toThrow();
      expect(() => decodeFrame(whole.subarray(0, length), false)).not.toThrow();
    }
    for (let seed = 0; seed < 500; seed++) {
      const noise = Buffer.from(
        Array.from({ length: 80 }, (_, index) => (seed * 7919 + index * 104_729) >> (seed % 11)),
      );
      expect(() => decodeFrame(noise, seed % 2 === 0)).not.toThrow();
    }
  });
});
