import { toTsnetError, type TsnetError } from '../../model/index.ts';
import { native, type NativeSocket } from '../native.ts';
import { fromNativeError } from '../netlink/errno.ts';
import { decodeBatch, type CapturedPacket } from './packet-record.ts';

/** Where to listen, and for what. */
export interface TapOptions {
  /** Path of a namespace; absent means the process's own. */
  readonly netns?: string | undefined;
  readonly linkIndex: number;
  /** Names the link in errors. */
  readonly linkName: string;
  /** A program such as `flowFilter` gives; the kernel passes nothing else. */
  readonly filter: Buffer;
  /** For loopback, which shows each packet twice. */
  readonly onlyIncoming?: boolean;
  readonly onPackets: (packets: readonly CapturedPacket[]) => void;
  /** The link went down or away; packets may still come when it is up again. */
  readonly onError: (error: TsnetError) => void;
}

/** What a tap has met since it was opened. */
export interface TapCounts {
  /** Packets that passed the filter. */
  readonly received: number;
  /** Those of them that found no room and were lost. */
  readonly dropped: number;
}

/**
 * Sees the packets of one link, those it sends as well, and disturbs none. It ends with the process, however that ends.
 *
 * Source: packet(7).
 */
export class PacketTap implements Disposable {
  readonly #socket: NativeSocket;
  readonly #doing: string;
  #received = 0;
  #dropped = 0;

  /** @throws denied without CAP_NET_RAW there, not-found for the namespace or the link */
  static open(options: TapOptions): PacketTap {
    const { netns, linkIndex, linkName, filter, onlyIncoming = false } = options;
    const doing = `capture on ${linkName}${netns === undefined ? '' : ` in ${netns}`}`;
    const attempt = <Result>(open: () => Result): Result => {
      try {
        return open();
      } catch (error) {
        throw fromNativeError(doing, error);
      }
    };
    const socket = attempt(() =>
      native().openSocket({
        domain: packetDomain,
        type: rawType,
        // Nothing arrives before it is bound, when the filter is in place.
        protocol: 0,
        options: [
          [socketLevel, socketOptions.receiveBufferForced, receiveBuffer],
          [socketLevel, socketOptions.timestamps, 1],
          [packetLevel, packetOptions.auxiliaryData, 1],
          ...(onlyIncoming ? [[packetLevel, packetOptions.ignoreOutgoing, 1] as const] : []),
        ],
        filter,
        address: linkAddress(linkIndex),
        ...(netns === undefined ? {} : { netns }),
      }),
    );
    const tap = new PacketTap(socket, doing);
    attempt(() => tap.#listen(options));
    return tap;
  }

  private constructor(socket: NativeSocket, doing: string) {
    this.#socket = socket;
    this.#doing = doing;
  }

  /** Reading sets the kernel's own counters back, so that they are summed here. @throws kernel */
  counts(): TapCounts {
    try {
      const value = this.#socket.option(packetLevel, packetOptions.statistics, 8);
      this.#received += value.readUInt32LE(0);
      this.#dropped += value.readUInt32LE(4);
    } catch (error) {
      throw fromNativeError(`count packets: ${this.#doing}`, error);
    }
    return { received: this.#received, dropped: this.#dropped };
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #listen({ onPackets, onError }: TapOptions): void {
    this.#socket.listenInBatches(
      (batch) => onPackets(decodeBatch(batch)),
      (error) => onError(toTsnetError(fromNativeError(this.#doing, error))),
    );
  }
}

/** AF_PACKET and SOCK_RAW. Source: `linux/socket.h`. */
const packetDomain = 17;
const rawType = 3;
/** SOL_SOCKET with SO_RCVBUFFORCE and SO_TIMESTAMPNS. Source: `asm-generic/socket.h`. */
const socketLevel = 1;
const socketOptions = { receiveBufferForced: 33, timestamps: 35 } as const;
/** SOL_PACKET with PACKET_*. Source: `linux/if_packet.h`. */
const packetLevel = 263;
const packetOptions = { statistics: 6, auxiliaryData: 8, ignoreOutgoing: 23 } as const;
/** Bytes of packets that wait to be read, with the kernel's overhead. */
const receiveBuffer = 16 << 20;
/** ETH_P_ALL. */
const allProtocols = 3;

/** struct sockaddr_ll. */
function linkAddress(index: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(packetDomain, 0);
  address.writeUInt16BE(allProtocols, 2);
  address.writeInt32LE(index, 4);
  return address;
}
