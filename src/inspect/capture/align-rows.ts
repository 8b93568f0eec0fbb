import type { CapturedPacket } from '../../kernel/packet/index.ts';
import type { Frame } from './decode-frame.ts';
import type { CapturePlan, FlowEnd, PlannedTap } from './taps-for.ts';

/** What one tap saw of a packet. */
export interface Cell {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly frame: Frame;
}

/** A packet on its way across the taps. */
export interface Row {
  /** When it was first seen, in nanoseconds since 1970. */
  readonly time: bigint;
  /** Whether it is on its way to the port that is asked about. */
  readonly isInward: boolean;
  /** By the position of the tap; undefined where it was not seen. */
  readonly cells: readonly (Cell | undefined)[];
  readonly flow: FlowSeen;
  readonly isFirstOfFlow: boolean;
}

/** A flow as it was seen at the taps. */
export interface FlowSeen {
  /** 1 for the first. */
  readonly number: number;
}

interface OpenRow {
  readonly identity: string;
  readonly time: bigint;
  readonly cells: (Cell | undefined)[];
  readonly directions: (CapturedPacket['direction'] | undefined)[];
}

/** The packet is complete when it was not seen anywhere for so long, in nanoseconds. */
const settleTime = 150_000_000n;

/** Flows that are known again; a capture may run for days. */
const mostFlows = 100_000;

/**
 * Finds the same packet on several links: what translation leaves alone makes it known again. Packets are taken in the
 * order of their times.
 */
export class RowAligner {
  readonly #plan: CapturePlan;
  readonly #open: OpenRow[] = [];
  readonly #byIdentity = new Map<string, OpenRow>();
  readonly #flows = new Map<string, FlowSeen>();
  readonly #most: number;
  #count = 0;
  #flowCount = 0;

  /** @param most rows; further packets are refused */
  constructor(plan: CapturePlan, most = Infinity) {
    this.#plan = plan;
    this.#most = most;
  }

  /** Packets so far, each counted once. */
  get count(): number {
    return this.#count;
  }

  get flows(): number {
    return this.#flowCount;
  }

  /** Takes a packet; false when it begins a row and there are enough. */
  add(tap: number, packet: CapturedPacket, frame: Frame): boolean {
    const known = this.#byIdentity.get(frame.identity);
    // A bridge that gives a packet back shows it once in each direction; else it is a repetition.
    const isSame =
      known !== undefined && (known.cells[tap] === undefined || known.directions[tap] !== packet.direction);
    if (isSame && packet.time - known.time < settleTime) {
      known.cells[tap] ??= { time: packet.time, frame };
      known.directions[tap] ??= packet.direction;
      return true;
    }
    if (this.#count >= this.#most) return false;
    this.#count += 1;
    const row: OpenRow = { identity: frame.identity, time: packet.time, cells: [], directions: [] };
    row.cells[tap] = { time: packet.time, frame };
    row.directions[tap] = packet.direction;
    this.#open.push(row);
    this.#byIdentity.set(frame.identity, row);
    return true;
  }

  /** The rows that nothing more is expected for, in order. @param now nanoseconds since 1970; absent: all */
  take(now?: bigint): Row[] {
    const young = now === undefined ? -1 : this.#open.findIndex(({ time }) => now - time < 2n * settleTime);
    const done = this.#open.splice(0, young === -1 ? this.#open.length : young);
    return done.map((row) => {
      if (this.#byIdentity.get(row.identity) === row) this.#byIdentity.delete(row.identity);
      return this.#finish(row);
    });
  }

  #finish({ time, cells }: OpenRow): Row {
    const { taps } = this.#plan;
    const all = taps.map((_, index) => cells[index]);
    const tuples = taps.flatMap((tap, index) => {
      const cell = cells[index];
      return cell === undefined ? [] : [tupleOf(cell.frame, tap)];
    });
    const known = tuples.map(({ key }) => this.#flows.get(key)).find((flow) => flow !== undefined);
    const flow = known ?? { number: ++this.#flowCount };
    for (const { key } of tuples) this.#flows.set(key, flow);
    for (const oldest of this.#flows.keys()) {
      if (this.#flows.size <= mostFlows) break;
      this.#flows.delete(oldest);
    }
    return {
      time,
      isInward: tuples[0]?.isInward ?? true,
      cells: all,
      flow,
      isFirstOfFlow: known === undefined,
    };
  }
}

/** Client and server of a packet at a tap. */
export interface Tuple {
  readonly client: string;
  readonly server: string;
  readonly isInward: boolean;
  /** The same for both directions. */
  readonly key: string;
}

/** Which end of a packet is the port that is asked about, as this tap knows it. */
export function tupleOf(frame: Frame, { ends }: PlannedTap): Tuple {
  const error = frame.error?.about;
  const inner = error ?? frame;
  const source = formatEnd(inner.source, inner.sourcePort);
  const destination = formatEnd(inner.destination, inner.destinationPort);
  const isToServer = ends.some((end) => isEnd(end, inner.destination, inner.destinationPort));
  const [client, server] = isToServer ? [source, destination] : [destination, source];
  // An error goes back to where the packet came from that it is about.
  return {
    client,
    server,
    isInward: error === undefined ? isToServer : !isToServer,
    key: `${client} ${server}`,
  };
}

function isEnd({ ips, port }: FlowEnd, ip: string, at: number | undefined): boolean {
  return port === at && (ips.length === 0 || ips.some((one) => one === ip));
}

function formatEnd(ip: string, port: number | undefined): string {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  return port === undefined ? host : `${host}:${port}`;
}
