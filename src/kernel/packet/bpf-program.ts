/** A place in a program, given to jumps before or after it is reached. */
export interface Label {
  at?: number;
}

interface Instruction {
  readonly code: number;
  readonly value: number;
  readonly ifTrue?: number;
  readonly ifFalse?: number;
  readonly target?: Label;
}

/** Where a load reads: from the start of the network header, and if so many bytes behind what X holds. */
export interface Place {
  readonly offset: number;
  readonly behindX?: boolean;
}

/**
 * Writes a classic BPF program. It reads from the network header on, so that it does not matter what a link puts before
 * it, nor whether that was stripped.
 *
 * Source: `linux/filter.h`, `linux/bpf_common.h`, Linux `Documentation/networking/filter.rst`.
 */
export class BpfProgram {
  readonly #instructions: Instruction[] = [];

  /** Loads the protocol number (ETH_P_*) of the packet into the accumulator. */
  loadProtocol(): this {
    return this.#add({ code: codes.loadWord, value: ancillary + ancillaryProtocol });
  }

  /** Loads 1, 2 or 4 bytes in network order into the accumulator. A packet that is too short is rejected. */
  load(bytes: 1 | 2 | 4, { offset, behindX = false }: Place): this {
    const size = { 1: codes.loadByte, 2: codes.loadHalf, 4: codes.loadWord }[bytes];
    return this.#add({ code: behindX ? size + codes.indirect : size, value: networkHeader + offset });
  }

  /** Puts the length of the IPv4 header into X. */
  loadHeaderLength(): this {
    return this.#add({ code: codes.loadHeaderLength, value: networkHeader });
  }

  ifEqual(value: number, target: Label): this {
    return this.#add({ code: codes.jumpEqual, value, ifTrue: 0, ifFalse: 1 }).jump(target);
  }

  unlessEqual(value: number, target: Label): this {
    return this.#add({ code: codes.jumpEqual, value, ifTrue: 1, ifFalse: 0 }).jump(target);
  }

  ifAnyBit(mask: number, target: Label): this {
    return this.#add({ code: codes.jumpBits, value: mask, ifTrue: 0, ifFalse: 1 }).jump(target);
  }

  // Conditional jumps reach 255 instructions, this one any.
  jump(target: Label): this {
    return this.#add({ code: codes.jump, value: 0, target });
  }

  /** Jumps to this label go on with the instruction that is written next. */
  here(label: Label): this {
    label.at = this.#instructions.length;
    return this;
  }

  /** Ends with so many bytes of the packet; 0 rejects it. */
  give(bytes: number): this {
    return this.#add({ code: codes.give, value: bytes });
  }

  /** The program as the kernel takes it: struct sock_filter, 8 bytes each, in the machine's order. */
  encode(): Buffer {
    const bytes = Buffer.alloc(8 * this.#instructions.length);
    for (const [index, { code, value, ifTrue = 0, ifFalse = 0, target }] of this.#instructions.entries()) {
      const distance = target === undefined ? value : (target.at ?? Number.NaN) - index - 1;
      // The kernel knows no jump backwards, and would refuse the program for one that leads nowhere.
      if (Number.isNaN(distance) || (target !== undefined && distance < 0)) {
        throw new Error(`instruction ${index} of a filter jumps to a place that was not written behind it`);
      }
      bytes.writeUInt16LE(code, 8 * index);
      bytes.writeUInt8(ifTrue, 8 * index + 2);
      bytes.writeUInt8(ifFalse, 8 * index + 3);
      bytes.writeUInt32LE(distance >>> 0, 8 * index + 4);
    }
    return bytes;
  }

  #add(instruction: Instruction): this {
    this.#instructions.push(instruction);
    return this;
  }
}

/** SKF_NET_OFF, SKF_AD_OFF and SKF_AD_PROTOCOL. */
const networkHeader = -0x100000;
const ancillary = -0x1000;
const ancillaryProtocol = 0;

/** BPF_LD, BPF_LDX, BPF_JMP, BPF_RET with their sizes and modes; `indirect` is what BPF_IND adds to BPF_ABS. */
const codes = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadByte: 0x30,
  indirect: 0x20,
  loadHeaderLength: 0xb1,
  jump: 0x05,
  jumpEqual: 0x15,
  jumpBits: 0x45,
  give: 0x06,
} as const;
