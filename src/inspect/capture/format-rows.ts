import { tupleOf, type Cell, type Row } from './align-rows.ts';
import { tcpFlags, type Frame } from './decode-frame.ts';
import { stages, type CapturePlan } from './taps-for.ts';

/** Columns of a terminal, and of the time before the cells. */
const lineWidth = 100;
const timeWidth = 11;
const widestCell = 20;
const narrowestCell = 12;

/** Rows as lines of text: a line for each packet, a column for each tap. */
export class RowFormatter {
  readonly #plan: CapturePlan;
  readonly #width: number;
  #start: bigint | undefined;

  constructor(plan: CapturePlan) {
    this.#plan = plan;
    const fair = Math.floor((lineWidth - timeWidth) / Math.max(1, plan.taps.length));
    this.#width = Math.max(narrowestCell, Math.min(widestCell, fair));
  }

  /** The names of the taps. */
  heading(): string {
    const names = this.#plan.taps.map(({ name }) => this.#cell(name));
    return `${'time'.padEnd(timeWidth)}${names.join('')}`.trimEnd();
  }

  /** A packet, behind a line about its flow when it is the first. */
  lines(row: Row): string[] {
    this.#start ??= row.time;
    const time = (Number(row.time - this.#start) / 1e9).toFixed(6);
    const cells = row.cells.map((cell) =>
      this.#cell(cell === undefined ? '·' : formatCell(cell, row.isInward)),
    );
    const remark = this.#remark(row);
    const line = `${time.padEnd(timeWidth)}${cells.join('')}${remark}`.trimEnd();
    return row.isFirstOfFlow ? [this.#flowLine(row), line] : [line];
  }

  #flowLine({ cells, flow }: Row): string {
    const tuples = this.#plan.taps.flatMap((tap, index) => {
      const cell = cells[index];
      return cell === undefined ? [] : [tupleOf(cell.frame, tap)];
    });
    const [outer, inner] = [tuples[0], tuples.at(-1)];
    if (outer === undefined || inner === undefined) return '';
    const server = outer.server === inner.server ? outer.server : `${outer.server} ⇒ ${inner.server}`;
    const seen = outer.client === inner.client ? '' : `, seen as ${inner.client}`;
    return `flow ${flow.number}: ${outer.client} → ${server}${seen}`;
  }

  /** Where a packet was seen last that should have gone further. */
  #remark({ cells, isInward }: Row): string {
    const { taps } = this.#plan;
    if (!isInward) return '';
    const seen = taps.filter((tap, index) => cells[index] !== undefined && !tap.isLoopback);
    const last = seen.at(-1);
    const further = taps.find(
      ({ stage }) => last !== undefined && stages.indexOf(stage) > stages.indexOf(last.stage),
    );
    return last === undefined || further === undefined ? '' : `✗ went no further than ${last.name}`;
  }

  #cell(text: string): string {
    const characters = Array.from(text);
    const most = this.#width - 1;
    const shown = characters.length <= most ? characters : [...characters.slice(0, most - 1), '…'];
    return shown.join('') + ' '.repeat(this.#width - shown.length);
  }
}

function formatCell({ frame }: Cell, isInward: boolean): string {
  const text = describe(frame);
  return isInward ? `${text} →` : `← ${text}`;
}

/** Abbreviations that tools of the field share. */
const flagNames = [
  [tcpFlags.syn, 'SYN'],
  [tcpFlags.fin, 'FIN'],
  [tcpFlags.reset, 'RST'],
  [tcpFlags.push, 'PSH'],
  [tcpFlags.acknowledge, 'ACK'],
] as const;

/** Source: RFC 792, RFC 4443, IANA ICMP parameters. */
const errorNames: Readonly<Record<string, string>> = {
  '1 3 0': 'net unreachable',
  '1 3 1': 'host unreachable',
  '1 3 3': 'port unreachable',
  '1 3 4': 'packet too big',
  '1 3 13': 'prohibited',
  '58 1 0': 'no route',
  '58 1 1': 'prohibited',
  '58 1 3': 'host unreachable',
  '58 1 4': 'port unreachable',
  '58 2 0': 'packet too big',
};

function describe({ tcp, payload, error, protocol }: Frame): string {
  const size = payload > 0 ? ` ${payload}` : '';
  if (tcp !== undefined) {
    const names = flagNames.filter(([flag]) => (tcp.flags & flag) !== 0).map(([, name]) => name);
    // An acknowledgement is in nearly all packets.
    const told = names.length > 1 && names[0] !== 'SYN' ? names.slice(0, -1) : names;
    return `${told.join('/')}${size}`;
  }
  if (error !== undefined) {
    return errorNames[`${protocol} ${error.type} ${error.code}`] ?? `ICMP ${error.type}/${error.code}`;
  }
  return `${payload} bytes`;
}
