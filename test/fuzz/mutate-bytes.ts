import type { Random } from './random.ts';

/** Bytes that differ from others in a few places: flipped, set to an edge, cut off, doubled, moved. */
export function mutateBytes(random: Random, seed: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(seed);
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) bytes = changeOnce(random, bytes);
  return bytes;
}

/** Values at which lengths and counters turn over. */
const edges = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0xffffffff];

function changeOnce(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length);
  const length = random.below(Math.min(bytes.length - at, 64) + 1);
  switch (random.below(7)) {
    case 0:
      if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
      return bytes;
    case 1:
      if (bytes.length > 0) bytes.writeUInt8(random.below(256), at);
      return bytes;
    case 2: {
      // Lengths and types lie at even places, in either order of bytes.
      const place = at & ~1;
      const size = random.once(2) ? 2 : 4;
      if (place + size > bytes.length) return bytes;
      const value = (random.pick(edges) & (size === 2 ? 0xffff : -1)) >>> 0;
      if (random.once(4)) bytes.writeUIntBE(value, place, size);
      else bytes.writeUIntLE(value, place, size);
      return bytes;
    }
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    default:
      bytes.copyWithin(random.below(bytes.length), at, at + length);
      return bytes;
  }
}
