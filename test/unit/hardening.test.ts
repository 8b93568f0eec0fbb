import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

// Source: elf(5), /usr/include/elf.h.
const loadSegment = 1;
const dynamicSegment = 2;
const interpreterSegment = 3;
const stackSegment = 0x6474e551;
const relroSegment = 0x6474e552;
const flags1 = 0x6ffffffbn;
const now = 0x1n;
const pie = 0x8000000n;

describe.each(['dist/cni/tsnet', 'dist/netavark/tsnet', 'dist/run/tsnet-run'])('the program %s', (path) => {
  const elf = readElf(join(root, path));

  it('can be loaded anywhere, and needs no other file', () => {
    expect(elf.type).toBe(3);
    expect(elf.flags & pie).toBe(pie);
    expect(elf.segment(interpreterSegment)).toBeUndefined();
  });

  it('checks buffers of the stack', () => expect(elf.has('stack smashing detected')).toBe(true));
  it('binds at start, and keeps tables and stack as they should be', () => expectSealed(elf));
});

describe('the addon', () => {
  const elf = readElf(join(root, 'native/build/Release/tsnet.node'));

  it('checks buffers of the stack', () => expect(elf.has('__stack_chk_fail')).toBe(true));
  it('binds at start, and keeps tables and stack as they should be', () => expectSealed(elf));
});

interface Elf {
  readonly type: number;
  /** DT_FLAGS_1. */
  readonly flags: bigint;
  readonly segment: (type: number) => { readonly flags: number } | undefined;
  /** The flags of everything that is loaded. */
  readonly loaded: readonly number[];
  readonly has: (text: string) => boolean;
}

function expectSealed(elf: Elf): void {
  expect(elf.flags & now).toBe(now);
  expect(elf.segment(relroSegment)).toBeDefined();
  const isExecutable = 1;
  const isWritable = 2;
  expect((elf.segment(stackSegment)?.flags ?? isExecutable) & isExecutable).toBe(0);
  for (const flags of elf.loaded) expect(flags & (isExecutable | isWritable)).not.toBe(3);
}

/** Reads a file of 64 bits, little endian. */
function readElf(path: string): Elf {
  const bytes = readFileSync(path);
  expect(bytes.subarray(0, 6).toString('latin1')).toBe('\x7fELF\x02\x01');
  const start = Number(bytes.readBigUInt64LE(32));
  const segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = start + index * bytes.readUInt16LE(54);
    return {
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
  const segment = (type: number) => segments.find((each) => each.type === type);
  const { offset = 0, size = 0 } = segment(dynamicSegment) ?? {};
  let flags = 0n;
  for (let at = offset; at < offset + size; at += 16) {
    if (bytes.readBigUInt64LE(at) === flags1) flags = bytes.readBigUInt64LE(at + 8);
  }
  return {
    type: bytes.readUInt16LE(16),
    flags,
    segment,
    loaded: segments.filter(({ type }) => type === loadSegment).map((each) => each.flags),
    has: (text) => bytes.includes(text, 0, 'latin1'),
  };
}
