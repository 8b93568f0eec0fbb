import type { PortRange } from '../../model/port.ts';

/** INET_DIAG_BC_S_GE and INET_DIAG_BC_S_LE. Source: `linux/inet_diag.h`. */
const sourceAtLeast = 2;
const sourceAtMost = 3;

/** Bytes of struct inet_diag_bc_op. */
const operation = 4;
/** A comparison is an operation that says which, and a second one whose `no` holds the port. */
const comparison = 2 * operation;

/**
 * The program by which the kernel picks sockets whose own port lies in a range: two comparisons, each a jump to the
 * next when true and past the end of the program, which refuses, when false.
 *
 * Source: `linux/inet_diag.h`, Linux `inet_diag_bc_run()`: a jump to exactly the end accepts, 4 bytes further refuses.
 */
export function portFilter({ first, last }: PortRange): Buffer {
  const program = Buffer.alloc(2 * comparison);
  writeComparison(program, 0, sourceAtLeast, first);
  writeComparison(program, comparison, sourceAtMost, last);
  return program;
}

function writeComparison(program: Buffer, at: number, code: number, port: number): void {
  program.writeUInt8(code, at);
  program.writeUInt8(comparison, at + 1);
  program.writeUInt16LE(program.length - at + operation, at + 2);
  program.writeUInt16LE(port, at + operation + 2);
}
