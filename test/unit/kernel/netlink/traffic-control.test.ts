import { describe, expect, it } from 'vitest';
import { Attributes } from '../../../../src/kernel/netlink/attributes.ts';
import { kernelError } from '../../../../src/kernel/netlink/errno.ts';
import { MessageWriter } from '../../../../src/kernel/netlink/message-writer.ts';
import { decodeTcHeader, encodeTcHeader, needing } from '../../../../src/kernel/netlink/tc-message.ts';
import {
  decodeTokenBucket,
  limitFor,
  writeTokenBucket,
} from '../../../../src/kernel/netlink/token-bucket.ts';

describe('token bucket', () => {
  const throughTheWire = (rate: number, burst: number) => {
    const writer = new MessageWriter(Buffer.alloc(0));
    writeTokenBucket(writer, { rate, burst, limit: limitFor(rate, burst, 0.025) });
    return { bytes: writer.body, found: decodeTokenBucket(new Attributes(writer.body)) };
  };

  it('has the bytes that tc(8) sends for rate 20mbit burst 32768 latency 25ms', () => {
    const { bytes, found } = throughTheWire(2_500_000, 32_768);
    // struct tc_tbf_qopt as one attribute: 13.1072 ms are 204,800 steps of 64 ns, 95,268 bytes wait at most.
    expect(bytes.toString('hex')).toBe(
      `280001000001000000000000a0252600${'00'.repeat(12)}247401000020030000000000`,
    );
    expect(found).toEqual({ rate: 2_500_000, burst: 32_768, limit: 95_268 });
  });

  it.each([
    [125, 2_000],
    [2 ** 32 - 1, 1e7],
    [2 ** 32, 1e7],
    [1.25e14, 4e9],
  ])('keeps %d bytes per second, and the burst to a step of 64 ns', (rate, burst) => {
    const { found } = throughTheWire(rate, burst);
    expect(found.rate).toBe(rate);
    expect(Math.abs(found.burst - burst)).toBeLessThanOrEqual(rate * 32e-9 + 1);
  });
});

describe('struct tcmsg', () => {
  it('is read as it was written', () => {
    const header = { linkIndex: 7, handle: 0x80010000, parent: 0xffffffff, info: 0x03e80300 };
    expect(decodeTcHeader(encodeTcHeader(header))).toEqual(header);
  });
});

describe('needing', () => {
  it('says what the kernel lacks, and leaves other errors as they are', async () => {
    const absent = kernelError('limit what tsv-1 sends', 'ENOENT', 'Specified qdisc kind is unknown.');
    await expect(needing('the qdisc tbf', Promise.reject(absent))).rejects.toMatchObject({
      kind: 'unsupported',
      message: 'limit what tsv-1 sends: ENOENT (Specified qdisc kind is unknown.)',
      hint: 'traffic shaping needs the qdisc tbf in the kernel',
    });
    const gone = kernelError('limit what tsv-1 sends', 'ENODEV');
    await expect(needing('the qdisc tbf', Promise.reject(gone))).rejects.toBe(gone);
  });
});
