import { TsnetError } from '../../model/errors.ts';
import type { NativeSocket } from '../native.ts';
import type { Answers } from './ask-namespaces.ts';
import { openBlockingSocket, type BlockingSocket } from './blocking-socket.ts';
import { errnoName, fromNativeError, kernelError } from './errno.ts';
import {
  controlTypes,
  decodeAcknowledgement,
  decodeDump,
  encodeMessages,
  messageFlags,
  splitMessages,
  type Acknowledgement,
  type Message,
  type Reply,
} from './message.ts';
import { openNetlinkSocket } from './socket.ts';

/** What became of one message of a request. */
export interface Outcome {
  /** What the kernel sent for it beside the acknowledgement. */
  readonly replies: readonly Reply[];
  /** Why it was refused, such as `ENOENT`; costs nothing, unlike `error`. */
  readonly errno: string | undefined;
  readonly error: TsnetError | undefined;
}

/** What came for one request, whose first message has that number. */
interface Answer {
  readonly first: number;
  readonly replies: readonly Reply[];
}

/** That something is absent is often the answer one hoped for: the error is made for those who ask for it. */
class ReceivedOutcome implements Outcome {
  readonly replies: Reply[] = [];
  readonly #explain: (acknowledgement: Acknowledgement) => TsnetError;
  #refusal: Acknowledgement | undefined;

  constructor(explain: (acknowledgement: Acknowledgement) => TsnetError) {
    this.#explain = explain;
  }

  refuse(acknowledgement: Acknowledgement): void {
    this.#refusal = acknowledgement;
  }

  get errno(): string | undefined {
    return this.#refusal === undefined ? undefined : errnoName(this.#refusal.errno);
  }

  get error(): TsnetError | undefined {
    return this.#refusal === undefined ? undefined : this.#explain(this.#refusal);
  }
}

/** Netlink protocols used here. Source: `linux/netlink.h`. */
export const netlinkProtocols = { route: 0, sockDiag: 4, netfilter: 12 } as const;

/** How often a dump is begun before it counts as failed. */
const dumpAttempts = 6;

/** Answers that say nothing about the request, only that it should be made again. */
const passing: ReadonlySet<string> = new Set(['EAGAIN', 'EINTR', 'ENOBUFS']);

/**
 * Asks one netlink protocol of one network namespace. Requests run one after the other; the kernel works while it
 * takes them, on a thread that is not the event loop's.
 */
export class NetlinkConnection implements Disposable {
  /** ` in <path>` for error messages, empty for the process's own namespace. */
  readonly where: string;
  readonly #socket: Pick<NativeSocket, 'exchange' | 'close'>;
  readonly #openBlocking: () => BlockingSocket;
  #blocking: BlockingSocket | undefined;
  #nextSequence = 1;

  private constructor(
    socket: Pick<NativeSocket, 'exchange' | 'close'>,
    openBlocking: () => BlockingSocket,
    netns: string | undefined,
  ) {
    this.#socket = socket;
    this.#openBlocking = openBlocking;
    this.where = netns === undefined ? '' : ` in ${netns}`;
  }

  /**
   * @param protocol NETLINK_*
   * @param netns path of a namespace; absent means the process's own
   * @throws not-found when there is no such namespace, denied without the capability to enter it
   */
  static open(protocol: number, netns?: string): NetlinkConnection {
    return new NetlinkConnection(
      openNetlinkSocket(protocol, netns),
      () => openBlockingSocket(protocol, netns),
      netns,
    );
  }

  /**
   * One that keeps the event loop while the kernel works, to look at many namespaces.
   *
   * @param answers what the namespace has said already
   * @throws as `open`
   */
  static openBlocking(protocol: number, netns?: string, answers?: Answers): NetlinkConnection {
    const socket = openBlockingSocket(protocol, netns, answers);
    return new NetlinkConnection(socket, () => socket, netns);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
    this.#blocking?.close();
  }

  /**
   * Sends messages in one datagram; the kernel takes them in order. They are no transaction: after one failed, the
   * later ones run all the same. Only the last asks for an acknowledgement, errors of all are sent anyway.
   *
   * @returns one outcome for each message, in order
   * @throws try-again when the kernel's answer was lost, denied, kernel
   */
  async request(messages: readonly Message[]): Promise<Outcome[]> {
    const [doing] = messages.map((message) => message.doing);
    if (doing === undefined) return [];
    const answer = await this.#exchange(messages, doing, acknowledgingLast(messages));
    return this.#outcomes(messages, answer);
  }

  /**
   * As `request`, on the spot, for what the kernel does in microseconds: to wake a thread and to be woken by it takes
   * 0.3 ms after a rest.
   */
  requestNow(messages: readonly Message[]): Outcome[] {
    const [doing] = messages.map((message) => message.doing);
    if (doing === undefined) return [];
    const { request, first, lastSequence } = this.#encode(messages, acknowledgingLast(messages));
    try {
      this.#blocking ??= this.#openBlocking();
      const received = this.#blocking.exchangeNow(request, { lastSequence, until: 'last' });
      return this.#outcomes(messages, { first, replies: splitMessages(received) });
    } catch (error) {
      throw fromNativeError(`${doing}${this.where}`, error);
    }
  }

  #outcomes(messages: readonly Message[], { first, replies }: Answer): Outcome[] {
    const outcomes = messages.map(
      (message) => new ReceivedOutcome((acknowledgement) => this.#errorOf(message, acknowledgement)),
    );
    for (const reply of replies) {
      const index = (reply.sequence - first) >>> 0;
      const outcome = outcomes[index];
      // Answers to an earlier request that was given up may still arrive.
      if (outcome === undefined) continue;
      if (reply.type !== controlTypes.error) outcome.replies.push(reply);
      else {
        const acknowledgement = decodeAcknowledgement(reply);
        if (acknowledgement.errno !== 0) outcome.refuse(acknowledgement);
      }
    }
    return outcomes;
  }

  /**
   * Sends messages in one datagram that must all succeed.
   *
   * @returns the replies to each message
   * @throws the first message's error, those of later ones as `suppressed`; else as `request`
   */
  async run(...messages: readonly Message[]): Promise<(readonly Reply[])[]> {
    const outcomes = await this.request(messages);
    const failed = outcomes.find(({ error }) => error !== undefined);
    if (failed?.error !== undefined) throw failed.error;
    return outcomes.map(({ replies }) => replies);
  }

  /**
   * Asks for a list of objects. A list that changed while it was read is read again, so it is never short.
   *
   * @throws try-again when it changed every time, else as `request`
   */
  async dump(message: Message): Promise<readonly Reply[]> {
    for (let attempt = 1; attempt <= dumpAttempts; attempt++) {
      const replies = await this.#dumpOnce(message);
      if (replies !== undefined) return replies;
    }
    throw new TsnetError(
      'try-again',
      `${message.doing}${this.where}: the list changed during each of ${dumpAttempts} attempts to read it`,
      { hint: 'try again when fewer changes are under way' },
    );
  }

  /** The list, or undefined when it must be read again. */
  async #dumpOnce(message: Message): Promise<readonly Reply[] | undefined> {
    try {
      const { first, replies } = await this.#exchange([message], message.doing, () => messageFlags.dump);
      const result = decodeDump(replies, first);
      if (result === 'again') return undefined;
      if ('errno' in result) throw this.#errorOf(message, result);
      return result;
    } catch (error) {
      if (error instanceof TsnetError && passing.has(error.errno ?? '')) return undefined;
      throw error;
    }
  }

  async #exchange(
    messages: readonly Message[],
    doing: string,
    flagsOf: (index: number) => number,
  ): Promise<Answer> {
    const { request, first, lastSequence } = this.#encode(messages, flagsOf);
    try {
      const received = await this.#socket.exchange(request, { lastSequence, until: 'last' });
      return { first, replies: splitMessages(received) };
    } catch (error) {
      throw fromNativeError(`${doing}${this.where}`, error);
    }
  }

  #encode(
    messages: readonly Message[],
    flagsOf: (index: number) => number,
  ): { readonly request: Buffer; readonly first: number; readonly lastSequence: number } {
    const first = this.#nextSequence;
    const lastSequence = (first + messages.length - 1) >>> 0;
    this.#nextSequence = (lastSequence + 1) >>> 0;
    const request = encodeMessages(messages, first, (index) => messageFlags.request | flagsOf(index));
    return { request, first, lastSequence };
  }

  #errorOf({ doing }: Message, { errno, reason }: Acknowledgement): TsnetError {
    return kernelError(`${doing}${this.where}`, errnoName(errno), reason);
  }
}

/** The flags of each message of a request. */
function acknowledgingLast({ length }: readonly Message[]): (index: number) => number {
  return (index) => (index === length - 1 ? messageFlags.ack : 0);
}
