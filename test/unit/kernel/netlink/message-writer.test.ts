import { expect, it } from 'vitest';
import { Attributes } from '../../../../src/kernel/netlink/attributes.ts';
import { MessageWriter } from '../../../../src/kernel/netlink/message-writer.ts';

const numbers = [
  ['u8', 1],
  ['u16', 2],
  ['u32', 4],
  ['s32', 4],
  ['be16', 2],
  ['be32', 4],
] as const;

it.each(numbers)('%s is written wherever the buffer has to grow', (write, size) => {
  for (let filled = 0; filled <= 600; filled++) {
    const writer = new MessageWriter(Buffer.alloc(0)).bytes(1, Buffer.alloc(filled, 0xff));
    const payload = new Attributes(writer[write](2, 0x5a).body, 0).bytes(2);
    expect(payload).toHaveLength(size);
    expect([...(payload ?? [])].filter((byte) => byte !== 0)).toEqual([0x5a]);
  }
});
