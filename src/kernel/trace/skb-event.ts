/** Something that happened to a packet in the kernel. */
export interface SkbEvent {
  readonly kind: 'send' | 'receive' | 'drop';
  /** Seconds since boot. */
  readonly time: number;
  /** The process that ran. */
  readonly pid: number;
  /** Whether that process asked for it in a system call; else it was interrupted for it, and may have no part in it. */
  readonly isOwn: boolean;
  /** Names the packet from its making to its end; later packets may get it again. */
  readonly skb: string;
  /** The link, for `send` and `receive`. Its namespace is not told. */
  readonly device?: string;
  /** Bytes, with the link layer header for `send`, without it for `receive`. */
  readonly length?: number;
  /** Why it was dropped, as the kernel names it, such as `NETFILTER_DROP`; for `drop`. */
  readonly reason?: string;
  /** The function that dropped it, such as `nft_do_chain`; for `drop`. */
  readonly location?: string;
  /** ETH_P_*, for `send` and `drop`. */
  readonly protocol?: number;
}

/**
 * Reads what the file `trace` of a trace instance holds, in the order of times. Lines of other events are left out.
 *
 * Source: Linux `Documentation/trace/ftrace.rst`, `include/trace/events/skb.h`, `include/trace/events/net.h`.
 */
export function parseSkbEvents(text: string): SkbEvent[] {
  return text
    .split('\n')
    .flatMap((line) => parseLine(line) ?? [])
    .sort((one, other) => one.time - other.time);
}

const kinds: Readonly<Record<string, SkbEvent['kind']>> = {
  net_dev_start_xmit: 'send',
  netif_receive_skb: 'receive',
  kfree_skb: 'drop',
};

/** A command may hold anything, so what follows it is looked for from the processor's number on. */
const lineForm = /-(\d+)\s+\[\d+\]\s+(\S+)\s+(\d+\.\d+): (\w+): (.*)$/;
/** Its third sign tells of hard and soft interrupts. */
const inProcess = /^..\./;

function parseLine(line: string): SkbEvent | undefined {
  const [, pid = '', flags = '', time = '', name = '', rest = ''] = lineForm.exec(line) ?? [];
  const kind = kinds[name];
  const skb = valueOf(rest, 'skbaddr');
  if (kind === undefined || skb === undefined) return undefined;
  const device = valueOf(rest, 'dev');
  const length = valueOf(rest, 'len');
  const protocol = valueOf(rest, 'protocol');
  const reason = /reason: (\S+)/.exec(rest)?.[1];
  const location = valueOf(rest, 'location')?.replace(/\+0x.*$/, '');
  return {
    kind,
    time: Number(time),
    pid: Number(pid),
    isOwn: inProcess.test(flags),
    skb,
    ...(device === undefined ? {} : { device }),
    ...(length === undefined ? {} : { length: Number(length) }),
    ...(protocol === undefined ? {} : { protocol: Number(protocol) }),
    ...(reason === undefined ? {} : { reason }),
    ...(location === undefined ? {} : { location }),
  };
}

function valueOf(text: string, name: string): string | undefined {
  return new RegExp(`(?:^| )${name}=(\\S+)`).exec(text)?.[1];
}
