import { expect, it } from 'vitest';
import { decodeFrame } from '../../../src/inspect/capture/decode-frame.ts';
import { enhancedPacket } from '../../../src/inspect/capture/pcapng.ts';
import { decodeBatch } from '../../../src/kernel/packet/packet-record.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';

it(
  'captured packets are read, shown and written, or refused as malformed',
  async () => {
    const outcomes = await fuzz({
      name: 'packets',
      form: 'bytes',
      inputs: 10_000,
      answer: (bytes) => {
        for (const packet of decodeBatch(bytes)) {
          decodeFrame(packet.data, true);
          decodeFrame(packet.data, false);
          const block = enhancedPacket({ interfaceId: 0, ...packet });
          // Readers of pcapng go on by the length, which stands at both ends. Source: draft-ietf-opsawg-pcapng.
          expect(block.readUInt32LE(4)).toBe(block.length);
          expect(block.readUInt32LE(block.length - 4)).toBe(block.length);
        }
      },
    });
    expect([...outcomes.keys()].sort()).toEqual(['answered', 'kernel']);
  },
  fuzzTime,
);
