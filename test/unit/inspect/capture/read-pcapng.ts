/** A block of a pcapng file, with its options by code. */
export interface Block {
  readonly type: number;
  readonly body: Buffer;
  readonly options: ReadonlyMap<number, Buffer>;
}

/** An interface, a packet, a name or statistics of a file. */
export interface PcapngFile {
  readonly section: Block;
  readonly interfaces: readonly {
    readonly name: string;
    readonly description: string;
    readonly linkType: number;
    readonly digits: number;
  }[];
  readonly packets: readonly {
    readonly interfaceId: number;
    readonly time: bigint;
    readonly length: number;
    readonly data: Buffer;
    readonly direction: number;
  }[];
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly statistics: readonly {
    readonly interfaceId: number;
    readonly received: bigint;
    readonly dropped: bigint;
  }[];
}

const [sectionType, interfaceType, namesType, statisticsType, packetType] = [0x0a0d0d0a, 1, 4, 5, 6];
/** Bytes of the fixed part of each block. */
const fixedLengths = new Map([
  [sectionType, 16],
  [interfaceType, 8],
  [statisticsType, 12],
]);

/** Reads a whole file strictly: anything that the specification does not allow is an error. */
export function readPcapng(file: Buffer): PcapngFile {
  const blocks: Block[] = [];
  for (let at = 0; at < file.length;) {
    const [type, length] = [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
    if (length % 4 !== 0 || length < 12 || at + length > file.length)
      throw new Error(`block of ${length} bytes at ${at}`);
    if (file.readUInt32LE(at + length - 4) !== length) throw new Error(`block at ${at} has two lengths`);
    blocks.push(readBlock(type, file.subarray(at + 8, at + length - 4)));
    at += length;
  }
  const [section, ...rest] = blocks;
  if (
    section?.type !== sectionType ||
    section.body.readUInt32LE(0) !== 0x1a2b3c4d ||
    section.body.readUInt16LE(4) !== 1
  ) {
    throw new Error('no section header');
  }
  const of = (type: number) => rest.filter((block) => block.type === type);
  const interfaces = of(interfaceType).map(({ body, options }) => ({
    name: String(options.get(2)),
    description: String(options.get(3)),
    linkType: body.readUInt16LE(0),
    digits: options.get(9)?.[0] ?? 6,
  }));
  const firstPacket = rest.findIndex(({ type }) => type === packetType);
  if (rest.some(({ type }, index) => type === interfaceType && index > firstPacket && firstPacket !== -1)) {
    throw new Error('an interface behind a packet');
  }
  const packets = of(packetType).map(({ body, options }) => {
    const captured = body.readUInt32LE(12);
    return {
      interfaceId: known(body.readUInt32LE(0), interfaces.length),
      time: (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8)),
      length: body.readUInt32LE(16),
      data: body.subarray(20, 20 + captured),
      direction: (options.get(2)?.readUInt32LE(0) ?? 0) & 3,
    };
  });
  const statistics = of(statisticsType).map(({ body, options }) => ({
    interfaceId: known(body.readUInt32LE(0), interfaces.length),
    received: options.get(4)?.readBigUInt64LE(0) ?? -1n,
    dropped: options.get(5)?.readBigUInt64LE(0) ?? -1n,
  }));
  return { section, interfaces, packets, names: readNames(of(namesType)), statistics };
}

function known(id: number, count: number): number {
  if (id >= count) throw new Error(`interface ${id} was not described`);
  return id;
}

function readBlock(type: number, body: Buffer): Block {
  const fixed = type === packetType ? 20 + pad(body.readUInt32LE(12)) : fixedLengths.get(type);
  return { type, body, options: fixed === undefined ? new Map() : readOptions(body.subarray(fixed)) };
}

function readOptions(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  if (bytes.length === 0) return options;
  for (let at = 0; at < bytes.length;) {
    const [code, length] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
    if (code === 0) {
      if (length !== 0 || at + 4 !== bytes.length) throw new Error('something behind the end of options');
      return options;
    }
    const value = bytes.subarray(at + 4, at + 4 + length);
    const padding = bytes.subarray(at + 4 + length, at + 4 + pad(length));
    if (value.length !== length || padding.some((byte) => byte !== 0))
      throw new Error(`option ${code} is cut or badly padded`);
    options.set(code, value);
    at += 4 + pad(length);
  }
  throw new Error('options without an end');
}

function readNames(blocks: readonly Block[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { body } of blocks) {
    for (let at = 0; ;) {
      const [type, length] = [body.readUInt16LE(at), body.readUInt16LE(at + 2)];
      if (type === 0) break;
      const value = body.subarray(at + 4, at + 4 + length);
      const size = type === 1 ? 4 : 16;
      if (value.at(-1) !== 0) throw new Error('a name without an end');
      names.set(value.subarray(0, size).toString('hex'), value.subarray(size, -1).toString().split('\0'));
      at += 4 + pad(length);
    }
  }
  return names;
}

function pad(length: number): number {
  return (length + 3) & ~3;
}
