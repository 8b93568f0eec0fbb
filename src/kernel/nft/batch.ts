import { TsnetError } from '../../model/errors.ts';
import { errnoName, fromNativeError, kernelError } from '../netlink/errno.ts';
import {
  controlTypes,
  decodeAcknowledgement,
  encodeMessages,
  messageFlags,
  splitMessages,
  type Message,
} from '../netlink/message.ts';
import { openBlockingSocket, type BlockingSocket } from '../netlink/blocking-socket.ts';
import { netlinkProtocols } from '../netlink/connection.ts';
import { beginBatch, endBatch } from './messages.ts';

/** What the kernel answers to a batch for a generation that has passed. Source: `linux/errno.h`, ERESTART. */
const generationPassed = 85;

/**
 * Sends batches to nftables: messages that the kernel carries out as one transaction.
 *
 * Apart from `NetlinkConnection`, because a batch is acknowledged otherwise: a refused one is not answered to its end,
 * and before Linux 6.10 the message that ends it is never acknowledged. So the last message inside is asked to be.
 * On the event loop, because the kernel takes 0.02 ms for an element, and to wake a thread and to be woken by it 0.3 ms.
 */
export class NftBatches implements Disposable {
  readonly #socket: BlockingSocket;
  readonly #where: string;
  #nextSequence = 1;
  #completed = 0;

  private constructor(socket: BlockingSocket, netns: string | undefined) {
    this.#socket = socket;
    this.#where = netns === undefined ? '' : ` in ${netns}`;
  }

  /** @throws not-found when there is no such namespace, denied without the capability to enter it */
  static open(netns?: string): NftBatches {
    return new NftBatches(openBlockingSocket(netlinkProtocols.netfilter, netns), netns);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  /** How many batches were carried out; each increased the generation of the rule set by one. */
  get completed(): number {
    return this.#completed;
  }

  /**
   * Carries out all of the messages, or nothing.
   *
   * @param generation what must still be the generation of the rule set
   * @returns `stale`, and nothing was changed, when it no longer is
   * @throws the error of the first message that was refused; try-again when the kernel's answer was lost
   */
  run(messages: readonly Message[], generation?: number): 'done' | 'stale' {
    const [doing] = messages.map((message) => message.doing);
    if (doing === undefined) return 'done';
    const all = [beginBatch(generation), ...messages, endBatch()];
    const first = this.#nextSequence;
    const last = messages.length;
    this.#nextSequence = (first + all.length) >>> 0;
    const request = encodeMessages(
      all,
      first,
      (index) => messageFlags.request | (index === last ? messageFlags.ack : 0),
    );
    for (const reply of splitMessages(this.#exchange(request, (first + last) >>> 0, doing))) {
      const message = all[(reply.sequence - first) >>> 0];
      if (reply.type !== controlTypes.error || message === undefined) continue;
      const { errno, reason } = decodeAcknowledgement(reply);
      if (errno === generationPassed) return 'stale';
      if (errno !== 0) throw this.#refused(message, doing, errno, reason);
    }
    this.#completed += 1;
    return 'done';
  }

  #exchange(request: Buffer, lastSequence: number, doing: string): Buffer {
    try {
      return this.#socket.exchangeNow(request, { lastSequence, until: 'last-or-error' });
    } catch (error) {
      throw fromNativeError(`${doing}${this.#where}`, error);
    }
  }

  /** What fails when all is carried out is reported for the beginning, which names nothing. */
  #refused(message: Message, doing: string, errno: number, reason: string | undefined): TsnetError {
    const subject = message.type === beginBatch().type ? doing : message.doing;
    return kernelError(`${subject}${this.#where}`, errnoName(errno), reason);
  }
}
