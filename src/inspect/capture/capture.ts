import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { flowFilter, PacketTap, type CapturedPacket, type TapCounts } from '../../kernel/packet/index.ts';
import { toTsnetError, TsnetError } from '../../model/index.ts';
import { throughDoor } from '../open-door.ts';
import { RowAligner, type Row } from './align-rows.ts';
import { decodeFrame } from './decode-frame.ts';
import * as pcapng from './pcapng.ts';
import type { CapturePlan, PlannedTap } from './taps-for.ts';

/** When a capture ends by itself; the first that is reached counts. */
export interface CaptureLimits {
  /** Packets, each counted once on however many links it is seen. */
  readonly packets?: number;
  readonly seconds?: number;
  /** Bytes of the file, which stays complete. */
  readonly bytes?: number;
}

/** What becomes of the packets. */
export interface CaptureOptions {
  readonly limits: CaptureLimits;
  /** Takes the pcapng file piece by piece. */
  readonly write?: (bytes: Buffer) => Promise<void>;
  /** Told of each packet about 300 ms after it was seen first, when it has crossed all links. */
  readonly onRow?: (row: Row) => void;
  /** Told when all taps are open. */
  readonly onStart?: () => void;
  /** Ends the capture; the file is complete all the same. */
  readonly signal?: AbortSignal;
}

/** What was captured. */
export interface CaptureSummary {
  /** Packets, each counted once. */
  readonly packets: number;
  readonly flows: number;
  readonly bytes: number;
  readonly ended: 'packets' | 'seconds' | 'bytes' | 'signal';
  readonly taps: readonly {
    readonly name: string;
    readonly written: number;
    /** Packets that the kernel passed, and those of them that were lost because they came too fast. */
    readonly received: number;
    readonly dropped: number;
  }[];
  /** Links that could not be listened on, and those that went away. */
  readonly gaps: readonly string[];
}

/** How often packets are sorted and handed on, and for how long one may be late, in milliseconds. */
const tickMs = 50;
const latenessMs = 100;
/** How long packets may take that came before the end, in milliseconds. */
const drainMs = 2_000;
/** As tcpdump(8) does it. */
const snapLength = 262_144;

/**
 * Listens on all taps of a plan until a limit is reached. The packets of all links are put into the order of their
 * times, which are the kernel's and of one clock.
 *
 * @throws denied or not-found when no tap could be opened
 */
export async function capture(plan: CapturePlan, options: CaptureOptions): Promise<CaptureSummary> {
  using run = new CaptureRun(plan, options);
  return await run.run();
}

interface Waiting {
  readonly tap: number;
  readonly packet: CapturedPacket;
}

class CaptureRun implements Disposable {
  readonly #plan: CapturePlan;
  readonly #options: CaptureOptions;
  readonly #aligner: RowAligner;
  readonly #taps: (PacketTap | undefined)[] = [];
  readonly #gaps: string[];
  readonly #written: number[];
  /** Packets that came, by tap. */
  readonly #handed: number[] = [];
  /** Bytes that the end of the file needs. */
  readonly #trailerLength: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #ended: CaptureSummary['ended'] | undefined;

  constructor(plan: CapturePlan, options: CaptureOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#aligner = new RowAligner(plan, options.limits.packets);
    this.#gaps = [...plan.gaps];
    this.#written = plan.taps.map(() => 0);
    const none = { interfaceId: 0, start: 0n, end: 0n, received: 0, dropped: 0 };
    this.#trailerLength = plan.taps.length * pcapng.interfaceStatistics(none).length;
  }

  [Symbol.dispose](): void {
    for (const tap of this.#taps) tap?.[Symbol.dispose]();
  }

  async run(): Promise<CaptureSummary> {
    const start = now();
    this.#openTaps();
    await this.#write(this.#header());
    this.#options.onStart?.();
    const { signal, limits } = this.#options;
    const end = limits.seconds === undefined ? Infinity : performance.now() + limits.seconds * 1_000;
    while (this.#ended === undefined) {
      await sleep(
        Math.max(0, Math.min(tickMs, end - performance.now())),
        undefined,
        signal && { signal },
      ).catch(() => undefined);
      await this.#hand(now() - BigInt(latenessMs) * 1_000_000n);
      if (signal?.aborted === true) this.#ended ??= 'signal';
      else if (performance.now() >= end) this.#ended ??= 'seconds';
    }
    // What the last packets do on the other links.
    if (this.#ended === 'packets') await sleep(latenessMs);
    const counts = await this.#drain();
    this[Symbol.dispose]();
    await this.#hand();
    const statistics = counts.map(({ received, dropped }, interfaceId) =>
      pcapng.interfaceStatistics({ interfaceId, start, end: now(), received, dropped }),
    );
    await this.#write(Buffer.concat(statistics));
    return {
      packets: this.#aligner.count,
      flows: this.#aligner.flows,
      bytes: this.#bytes,
      ended: this.#ended,
      taps: this.#plan.taps.map(({ name }, index) => ({
        name,
        written: this.#written[index] ?? 0,
        ...(counts[index] ?? { received: 0, dropped: 0 }),
      })),
      gaps: this.#gaps,
    };
  }

  /** Waits for what the kernel has passed already; what does not come any more was lost. */
  async #drain(): Promise<TapCounts[]> {
    const deadline = performance.now() + drainMs;
    for (;;) {
      const counts = this.#taps.map((tap) => tap?.counts() ?? { received: 0, dropped: 0 });
      const missing = counts.map(({ received }, index) => received - (this.#handed[index] ?? 0));
      const isComplete = counts.every(({ dropped }, index) => (missing[index] ?? 0) <= dropped);
      if (isComplete || performance.now() > deadline) {
        return counts.map(({ received, dropped }, index) => ({
          received,
          dropped: Math.max(dropped, missing[index] ?? 0),
        }));
      }
      await sleep(tickMs);
    }
  }

  #openTaps(): void {
    let first: unknown;
    for (const [index, planned] of this.#plan.taps.entries()) {
      try {
        this.#taps[index] = this.#openTap(planned, index);
      } catch (error) {
        first ??= error;
        this.#gaps.push(toTsnetError(error).message);
        this.#taps[index] = undefined;
      }
    }
    if (this.#taps.some((tap) => tap !== undefined)) return;
    throw first ?? new TsnetError('not-found', 'capture: there is no interface to listen on');
  }

  #openTap(planned: PlannedTap, index: number): PacketTap {
    return throughDoor(planned.netns, planned.doors, (netns) =>
      PacketTap.open({
        netns,
        linkIndex: planned.linkIndex,
        linkName: planned.name,
        filter: flowFilter(this.#plan.protocol, planned.ends, snapLength),
        onlyIncoming: planned.isLoopback,
        onPackets: (packets) => {
          this.#handed[index] = (this.#handed[index] ?? 0) + packets.length;
          for (const packet of packets) this.#waiting.push({ tap: index, packet });
        },
        onError: (error) => this.#gaps.push(error.message),
      }),
    );
  }

  #header(): Buffer {
    const { taps, names, protocol } = this.#plan;
    return Buffer.concat([
      pcapng.sectionHeader({ os: `Linux ${release()}`, program: 'tsnet' }),
      ...taps.map(({ name, description, hasLinkHeader, ends }) =>
        pcapng.interfaceDescription({
          name,
          description,
          filter: ends.map(({ ips, port }) => `${protocol} ${ips.join(',')} port ${port}`).join(' or '),
          hasLinkHeader,
          snapLength,
        }),
      ),
      pcapng.nameResolution(names),
    ]);
  }

  /** Hands on what is older than a time, or all. */
  async #hand(until?: bigint): Promise<void> {
    this.#waiting.sort(({ packet: one }, { packet: other }) =>
      one.time < other.time ? -1 : one.time > other.time ? 1 : 0,
    );
    const late = until === undefined ? -1 : this.#waiting.findIndex(({ packet }) => packet.time > until);
    const ready = late === -1 ? this.#waiting : this.#waiting.slice(0, late);
    this.#waiting = late === -1 ? [] : this.#waiting.slice(late);
    const blocks = ready.flatMap((one) => this.#take(one) ?? []);
    if (blocks.length > 0) await this.#options.write?.(Buffer.concat(blocks));
    for (const row of this.#aligner.take(until)) this.#options.onRow?.(row);
  }

  /** Counts a packet in and gives its block; undefined behind the end, and when no file is written. */
  #take({ tap, packet }: Waiting): Buffer | undefined {
    if (this.#ended === 'bytes') return undefined;
    const { hasLinkHeader = true } = this.#plan.taps[tap] ?? {};
    const frame = decodeFrame(packet.data, hasLinkHeader);
    if (frame !== undefined && !this.#aligner.add(tap, packet, frame)) {
      this.#ended = 'packets';
      return undefined;
    }
    if (this.#options.write === undefined) return undefined;
    const block = pcapng.enhancedPacket({ interfaceId: tap, ...packet });
    if (this.#bytes + block.length + this.#trailerLength > (this.#options.limits.bytes ?? Infinity)) {
      this.#ended = 'bytes';
      return undefined;
    }
    this.#bytes += block.length;
    this.#written[tap] = (this.#written[tap] ?? 0) + 1;
    return block;
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#options.write === undefined) return;
    this.#bytes += bytes.length;
    await this.#options.write(bytes);
  }
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
