import { describe, expect, it } from 'vitest';
import { sets } from '../../../../src/firewall/nftables/sets.ts';
import {
  addElements,
  beginBatch,
  decodeElements,
  deleteElements,
  elementsPerMessage,
  endBatch,
} from '../../../../src/kernel/nft/messages.ts';
import { decodeComment, encodeComment } from '../../../../src/kernel/nft/userdata.ts';
import { parseIp, parsePort } from '../../../../src/model/index.ts';

const table = { family: 'inet', name: 'tsnet' } as const;
const element = {
  set: sets.publish4_any,
  key: ['tcp', parsePort(8080)],
  data: [parseIp('10.1.0.2'), parsePort(80)],
  comment: 'endpoint:4f2a',
} as const;

describe('the messages of a batch', () => {
  it('add an element with value and comment', () => {
    const [message] = addElements(table, [element]);
    expect(message).toMatchObject({
      type: 0x0a0c,
      flags: 0x600,
      doing: 'add nft element inet tsnet publish4_any { tcp . 8080 comment "endpoint:4f2a" : 10.1.0.2 . 80 }',
    });
    expect(hex(message)).toBe(
      [
        '01000000', // struct nfgenmsg: inet
        '0a000100 74736e6574000000', // table "tsnet"
        '11000200 7075626c697368345f616e7900000000', // set "publish4_any"
        '3c000380', // elements
        '38000180', // one element
        '10000180 0c000100 06000000 1f900000', // key: tcp . 8080
        '10000280 0c000100 0a010002 00500000', // value: 10.1.0.2 . 80
        // Comment: type 0, 14 bytes, "endpoint:4f2a" and a zero byte.
        '14000600 000e 656e64706f696e743a3466326100',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('delete by key alone', () => {
    const [message] = deleteElements(table, [element]);
    expect(message).toMatchObject({ type: 0x0a0e, flags: 0 });
    expect(hex(message)).toMatch(/1800038014000180100001800c000100060000001f900000$/);
  });

  it('are cut so that no attribute is too long', () => {
    const many = Array.from({ length: 2 * elementsPerMessage + 1 }, (_, index) => ({
      set: sets.publish6,
      key: [parseIp('fd00::1'), 'tcp', parsePort(index + 1)] as const,
      data: [parseIp('fd00::2'), parsePort(80)] as const,
      comment: 'x'.repeat(128),
    }));
    const messages = addElements(table, many);
    expect(messages).toHaveLength(3);
    const read = messages.flatMap(({ type, body }) =>
      decodeElements(sets.publish6, { type, flags: 0, sequence: 0, body: Buffer.from(body) }),
    );
    expect(read).toEqual(many);
  });

  it('begin and end', () => {
    expect(hex(beginBatch())).toBe('0000000a');
    expect(hex(beginBatch(0x12345678))).toBe('0000000a0800010012345678');
    expect(hex(endBatch())).toBe('0000000a');
  });
});

describe('comments in user data', () => {
  it('go both ways', () => {
    expect(decodeComment(encodeComment('network:ä'))).toBe('network:ä');
    expect(encodeComment('x'.repeat(128))).toHaveLength(131);
  });

  it('are found behind other data, or not at all', () => {
    const other = Uint8Array.of(5, 2, 1, 1);
    expect(decodeComment(Buffer.concat([other, encodeComment('x')]))).toBe('x');
    expect(decodeComment(other)).toBeUndefined();
    expect(decodeComment(Uint8Array.of())).toBeUndefined();
  });
});

function hex(message: { readonly body: Uint8Array } | undefined): string {
  return Buffer.from(message?.body ?? []).toString('hex');
}
