import { TsnetError } from '../../model/errors.ts';

/** RTM_* of traffic control. Source: `linux/rtnetlink.h`. */
export const tcTypes = {
  newQdisc: 36,
  deleteQdisc: 37,
  getQdisc: 38,
  newFilter: 44,
  deleteFilter: 45,
  getFilter: 46,
} as const;

/** TCA_*. Source: `linux/rtnetlink.h`. */
export const tcAttributes = { kind: 1, options: 2 } as const;

/**
 * What a qdisc or filter hangs on. `clsact` is the pair of hooks beside the queue, `ingress` its hook for what comes
 * in. Source: `linux/pkt_sched.h`, TC_H_ROOT, TC_H_CLSACT, TC_H_MIN_INGRESS.
 */
export const tcParents = { root: 0xffffffff, clsact: 0xfffffff1, ingress: 0xfffffff2 } as const;

/** NLM_F_ECHO: kernels before 6.7 tell the answer to everybody but who asked. Source: Linux `tc_get_qdisc()`. */
export const echoFlag = 0x8;

/** Bytes of struct tcmsg. Source: `linux/rtnetlink.h`. */
export const tcHeaderLength = 20;

/** What struct tcmsg says beside the address family, which is always 0. */
export interface TcHeader {
  readonly linkIndex: number;
  readonly handle: number;
  readonly parent: number;
  /** Of a filter: its priority and protocol. */
  readonly info: number;
}

/** Source: `linux/rtnetlink.h`, struct tcmsg. */
export function encodeTcHeader({
  linkIndex,
  handle = 0,
  parent = 0,
  info = 0,
}: Partial<TcHeader> & Pick<TcHeader, 'linkIndex'>): Buffer {
  const header = Buffer.alloc(tcHeaderLength);
  header.writeInt32LE(linkIndex, 4);
  header.writeUInt32LE(handle, 8);
  header.writeUInt32LE(parent, 12);
  header.writeUInt32LE(info, 16);
  return header;
}

/** Reads struct tcmsg from the start of a body. */
export function decodeTcHeader(body: Buffer): TcHeader {
  return {
    linkIndex: body.readInt32LE(4),
    handle: body.readUInt32LE(8),
    parent: body.readUInt32LE(12),
    info: body.readUInt32LE(16),
  };
}

/**
 * Runs a change that needs a part of the kernel which may not be there.
 *
 * @param needs such as `the qdisc tbf (CONFIG_NET_SCH_TBF)`
 * @throws unsupported for the kernel's ENOENT, which here means that it does not know a qdisc, classifier or action
 */
export async function needing<T>(needs: string, change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof TsnetError) || error.errno !== 'ENOENT') throw error;
    throw new TsnetError('unsupported', error.message, {
      hint: `traffic shaping needs ${needs} in the kernel`,
      errno: error.errno,
      cause: error,
    });
  }
}
