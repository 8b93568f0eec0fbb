import { toTsnetError, type TsnetError } from '../../model/index.ts';
import type { NativeSocket } from '../native.ts';
import { netlinkProtocols } from '../netlink/connection.ts';
import { errnoName, fromNativeError, kernelError } from '../netlink/errno.ts';
import {
  controlTypes,
  decodeAcknowledgement,
  encodeMessages,
  messageFlags,
  splitMessages,
} from '../netlink/message.ts';
import { openNetlinkSocket } from '../netlink/socket.ts';
import { beginBatch, endBatch } from '../nft/messages.ts';
import {
  decodeTrace,
  traceGroup,
  traceTable,
  type NftTraceEvent,
  type NftTraceFlow,
} from './nft-trace-messages.ts';

/**
 * Tells which rules of nftables, and of iptables by way of it, the packets of one flow meet in a namespace. For that it
 * adds a table of its own, which the kernel removes with the socket that made it, however the process ends.
 *
 * Source: nft(8) (tables, flags owner; statements, meta nftrace), `linux/netfilter/nf_tables.h`.
 */
export class NftTrace implements Disposable {
  readonly table: string;
  readonly #socket: NativeSocket;
  readonly #events: NftTraceEvent[] = [];
  #lost: TsnetError | undefined;

  private constructor(socket: NativeSocket, table: string) {
    this.#socket = socket;
    this.table = table;
  }

  /**
   * @param netns path of a namespace; absent means the process's own
   * @throws unsupported without nftables, or before Linux 5.12, which knows no owners; denied, not-found
   */
  static async open(flow: NftTraceFlow, netns?: string): Promise<NftTrace> {
    const table = `tsnet-probe-${process.pid}-${++count}`;
    const trace = new NftTrace(openNetlinkSocket(netlinkProtocols.netfilter, netns), table);
    try {
      trace.#listen();
      await trace.#addTable(flow, netns === undefined ? '' : ` in ${netns}`);
    } catch (error) {
      trace[Symbol.dispose]();
      throw error;
    }
    return trace;
  }

  /** What was met so far, in order; not what its own table did. */
  get events(): readonly NftTraceEvent[] {
    return this.#events;
  }

  /** Present when some may be missing. */
  get lost(): TsnetError | undefined {
    return this.#lost;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #listen(): void {
    this.#socket.listen(
      [traceGroup],
      (datagram) => {
        for (const reply of splitMessages(datagram)) {
          const event = decodeTrace(reply);
          if (event !== undefined && event.table !== this.table) this.#events.push(event);
        }
      },
      (error) => {
        this.#lost = toTsnetError(fromNativeError('trace rules', error));
      },
    );
  }

  async #addTable(flow: NftTraceFlow, where: string): Promise<void> {
    const messages = [beginBatch(), ...traceTable(this.table, flow), endBatch()];
    // Before Linux 6.10 the end of a batch is not acknowledged, so the last message inside is.
    const last = messages.length - 2;
    const request = encodeMessages(
      messages,
      0,
      (index) => messageFlags.request | (index === last ? messageFlags.ack : 0),
    );
    const doing = `add nft table inet ${this.table}${where}`;
    const replies = await this.#socket
      .exchange(request, { lastSequence: last, until: 'last-or-error' })
      .catch((error: unknown) => {
        throw fromNativeError(doing, error);
      });
    for (const reply of splitMessages(replies)) {
      if (reply.type !== controlTypes.error) continue;
      const { errno, reason } = decodeAcknowledgement(reply);
      if (errno !== 0)
        throw kernelError(`${messages[reply.sequence]?.doing ?? doing}${where}`, errnoName(errno), reason);
    }
  }
}

let count = 0;
