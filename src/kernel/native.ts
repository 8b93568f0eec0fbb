import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** How to open a socket, perhaps inside another network namespace. */
export interface SocketOptions {
  /** Path of the namespace to open it in, such as `/run/netns/blue`; absent means the process's own. */
  readonly netns?: string;
  /** AF_*, such as 16 for AF_NETLINK. */
  readonly domain: number;
  /** SOCK_*, such as 3 for SOCK_RAW. Close-on-exec is always set. */
  readonly type: number;
  readonly protocol: number;
  /**
   * Integer socket options set before binding: level, name, value. A refused option is an error. Netlink sockets
   * already have buffers of 4 MiB, extended and capped acknowledgements and strict checking, where allowed.
   */
  readonly options?: readonly (readonly [level: number, name: number, value: number])[];
  /** A classic BPF program (SO_ATTACH_FILTER), 8 bytes for each instruction, attached before binding. */
  readonly filter?: Uint8Array;
  /** What to bind to: a socket address of the domain, as bind(2) takes it. */
  readonly address?: Uint8Array;
}

/** When the replies to one exchange are complete. */
export interface ExchangeOptions {
  /** Sequence number of the last message of the request. */
  readonly lastSequence: number;
  /**
   * `last`: complete at an NLMSG_ERROR (acknowledgement or error) or NLMSG_DONE that carries `lastSequence`.
   * `last-or-error`: also at any NLMSG_ERROR with an errno other than 0 (an nfnetlink batch that fails is not
   * acknowledged to its end).
   */
  readonly until: 'last' | 'last-or-error';
  /**
   * Gives up after so many milliseconds without an answer; default 30,000. The time in which the kernel works on
   * the request does not count, as that can't be interrupted.
   */
  readonly timeoutMs?: number;
}

/** What a file of lmdb says of itself. */
export interface StoreFileFacts {
  /** In bytes. */
  readonly size: number;
  /** Up to the last that was ever used; 0 where the head is wrong. */
  readonly pages: number;
  /** What is wrong with it, in a few words. */
  readonly problem?: string;
}

/** An open socket. Exchanges on one socket run one after the other, in order, on a thread of its own. */
export interface NativeSocket {
  /**
   * Sends a request and gives all replies, concatenated as they came. The request is copied; it consists of whole
   * messages, 16 MiB at most. Replies to older sequence numbers are dropped, so sequence numbers must grow.
   * Rejects with a `NativeError`; ENOBUFS when replies were lost.
   *
   * @throws TypeError or RangeError at the call, for arguments that are wrong whatever the kernel says
   */
  exchange(request: Uint8Array, options: ExchangeOptions): Promise<Buffer>;
  /**
   * Joins multicast groups and hands over each datagram with its namespace id (−1: the socket's own). Without groups,
   * as on an AF_PACKET socket, every datagram that is no reply is handed over. ENOBUFS means that datagrams were lost
   * and listening goes on. An exception in a callback becomes an `uncaughtException`. Once for each socket.
   *
   * @param delayMs 0 to 10,000, default 0: what comes so long after the first is read with it, so that the event loop is
   *   woken once for all of it
   */
  listen(
    groups: readonly number[],
    onData: (datagram: Buffer, nsid: number) => void,
    onError: (error: NativeError) => void,
    delayMs?: number,
  ): void;
  /**
   * AF_PACKET only: hands over datagrams with what recvmsg(2) tells of them, many at a time. A batch is a sequence of
   * records: the lengths of address, control messages and data as three 32-bit numbers in the machine's order, then
   * these three. Otherwise as `listen`, and instead of it.
   */
  listenInBatches(onBatch: (batch: Buffer) => void, onError: (error: NativeError) => void): void;
  /** The value of a socket option, at most `size` bytes of it. Throws a `NativeError`. */
  option(level: number, name: number, size: number): Buffer;
  /**
   * Closes the socket; waiting exchanges are rejected with ECANCELED, later ones with EBADF. May be called twice. The
   * descriptor of a socket that waits for the kernel is closed when the kernel is done.
   */
  close(): void;
}

/** A netlink request that only reads, to be made in several namespaces. */
export interface NativeQuestion {
  /** NETLINK_*. */
  readonly protocol: number;
  /** Whole messages, 64 KiB at most. Must be answered at once, as dumps and acknowledged requests are. */
  readonly request: Uint8Array;
  /** As in `ExchangeOptions`. */
  readonly lastSequence: number;
}

/** Small files in a folder that shows each namespace something else. */
export interface NativeFolder {
  /** Such as `/proc/sys/net/ipv4`. */
  readonly path: string;
  /** Paths in it, 64 at most, each of a file of 256 KiB at most that never makes its reader wait. */
  readonly files: readonly string[];
}

/** Which namespaces to ask what. */
export interface NativeInquiry {
  /** Paths, 4,096 at most. */
  readonly namespaces: readonly string[];
  /** 32 at most. Neighbours of one protocol share a socket. */
  readonly questions: readonly NativeQuestion[];
  /** 8 at most; default none. */
  readonly folders?: readonly NativeFolder[];
}

/** What the addon throws: `code` is the symbolic errno, such as `ENOENT`; `syscall` what failed. */
export interface NativeError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
}

/** The primitives of the native addon: C++ moves bytes and errno, meaning is TypeScript. */
export interface Native {
  openSocket(options: SocketOptions): NativeSocket;
  /** Opens a socket as `openSocket` does, and gives its descriptor, for `node:net` and `node:dgram`. The caller closes it. */
  openDescriptor(options: SocketOptions): number;
  /**
   * Asks several namespaces the same questions, on one thread that enters one after the other and then ends; one inquiry
   * after the other. Gives a record for each namespace, in order, numbers in the machine's order:
   *
   * - errno of opening and entering it, 0 for success (32 bits); a descriptor of it, or −1 (32 bits, signed); its device
   *   and inode (64 bits each). The caller closes the descriptor; there may be one of a namespace that can't be entered.
   * - where it was entered, for each question: errno, 0 for success (32 bits); length (32 bits); the replies;
   * - there, for each file of each folder the same: errno, length, content. A folder's errno is that of all its files.
   *
   * EAGAIN is the errno of a question to which the kernel did not give a whole answer at once. Rejects with a
   * `NativeError` when there can't be a thread or the memory.
   *
   * @throws TypeError or RangeError at the call, for arguments that are wrong whatever the kernel says
   */
  askNamespaces(inquiry: NativeInquiry): Promise<Buffer>;
  /** Opens a file as seen from inside a network namespace (for `/proc/sys/net`); gives a descriptor. */
  openFileIn(netns: string, path: string, flags: number): number;
  /** Makes a new network namespace and pins it at a path that must not exist yet; loopback is left down. */
  createNetns(path: string): void;
  /** Unpins a namespace and removes the file. The namespace itself ends when nothing uses it any more. */
  deleteNetns(path: string): void;
  /** Locks or unlocks an open file as flock(2) does, off the event loop. Rejects with ETIMEDOUT. */
  flock(descriptor: number, mode: 'exclusive' | 'shared' | 'unlock', timeoutMs: number): Promise<void>;
  /** As `flock`, on the spot: the event loop stands still until nobody else holds the lock. Throws a `NativeError`. */
  flockNow(descriptor: number, mode: 'exclusive' | 'shared' | 'unlock'): void;
  /**
   * Looks whether lmdb can use a file: its two heads, and unless only these are wished all pages, the order of keys and the
   * free pages. lmdb follows them unseen and ends the process where one leads astray. Throws a `NativeError`.
   */
  inspectStore(path: string, what: 'all' | 'head'): StoreFileFacts;
  /**
   * Writes down what tells a file from others: device, inode, size in bytes, milliseconds since 1970 of its last change. False,
   * and zeros, when it is not there. A fifth of the time of `statSync`. Throws a `NativeError`.
   */
  stampFile(path: string, stamp: Float64Array): boolean;
}

/** The addon, loaded at the first use; there is no other place that loads it. */
export function native(): Native {
  loaded ??= createRequire(import.meta.url)(findAddon()) as Native;
  return loaded;
}

let loaded: Native | undefined;

/** The addon lies in the package's own folder, whether this code runs from source or from the bundle. */
function findAddon(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, 'native/build/Release/tsnet.node');
  }
  throw new Error('the folder of the tsnet package was not found above its code');
}
