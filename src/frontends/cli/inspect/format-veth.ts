import type { VethMap, VethRow } from '../../../inspect/views/index.ts';
import type { Screen } from './screen.ts';
import { tableLines, type Cell } from './table.ts';
import { addressesText, trafficText } from './texts.ts';

/** Below this width of a terminal some columns are left out. */
const allColumns = 95;

/** The veth map as a table. */
export function vethTable({ rows }: VethMap, screen: Screen): string[] {
  if (rows.length === 0) return ['no veth pair and no running container'];
  return tableLines(
    ['HOST VETH', 'BRIDGE', 'NETWORK', 'CONTAINER', 'IFACE', 'ADDRESS', 'MAC', 'STATE', 'RX/TX'],
    rows.map((row) => cellsOf(row, screen)),
    screen,
  );
}

/** One pair in words, with both indexes: what `inspect veth NAME` prints above the table. */
export function vethLine(row: VethRow): string {
  const { type, hostVeth, hostPlace, hostIndex, index, netns } = row;
  const inside = insideName(row);
  const where = hostPlace === 'host' ? 'on the host' : `in ${hostPlace ?? '?'}`;
  const facts = [
    hostIndex === undefined ? undefined : `ifindex ${index ?? '?'} ↔ ${hostIndex}`,
    netns,
    row.mac,
  ].filter((fact) => fact !== undefined);
  const note = facts.length === 0 ? '' : `   (${facts.join(', ')})`;
  switch (type) {
    case 'veth':
      return `${inside}  =  ${hostVeth} ${where}${note}`;
    case 'unseen':
      return hostVeth === undefined
        ? `${inside}  =  ? in a namespace that could not be seen${note}`
        : `${hostVeth} ${where}  =  ? in a namespace that could not be seen`;
    case 'macvlan':
    case 'ipvlan':
      return `${inside}  is a ${type} on ${hostVeth ?? 'a link that could not be seen'} ${where}${note}`;
    case 'host':
    case 'none':
    case 'container':
      return `${row.container ?? ''}  ${explanation(row)}`;
  }
}

function insideName({ container, place, interface: inside }: VethRow): string {
  return `${container ?? place ?? '?'} / ${inside ?? '?'}`;
}

function cellsOf(row: VethRow, screen: Screen): Cell[] {
  const { type, hostVeth, hostPlace, bridge, network, interface: inside, addresses, mac, state } = row;
  const outside = hostVeth === undefined ? '-' : hostPlace === 'host' ? hostVeth : `${hostVeth}@${hostPlace}`;
  // Names matter more than what one can ask for by name.
  const isNarrow = screen.width !== undefined && screen.width < allColumns;
  const isBad = state !== undefined && state !== 'up' && state !== 'unknown';
  return [
    outside,
    bridge ?? (type === 'macvlan' || type === 'ipvlan' ? `(${type})` : '-'),
    network ?? '-',
    whose(row),
    inside ?? '',
    inside === undefined ? explanation(row) : shownAddresses(addresses, screen),
    mac === undefined || isNarrow ? '' : `…${mac.slice(-5)}`,
    isBad ? { text: state, tone: 'bad' } : (state ?? ''),
    isNarrow ? '' : trafficText(row.counters),
  ];
}

/** A terminal shows one, and how many more there are. */
function shownAddresses(addresses: readonly string[], screen: Screen): string {
  const [first = '', ...others] = addressesText(addresses).split(' ');
  if (screen.width === undefined) return [first, ...others].join(' ');
  return others.length === 0 ? first : `${first} +${others.length}`;
}

function whose({ type, container, place, sharedWith }: VethRow): string {
  if (type === 'unseen' && container === undefined) return '?';
  const name = container ?? (place === 'host' ? 'host' : `netns ${place ?? '?'}`);
  return type === 'veth' && sharedWith !== undefined ? `${name} +${sharedWith.length}` : name;
}

function explanation({ type, owner }: VethRow): string {
  switch (type) {
    case 'host':
      return '(host network)';
    case 'none':
      return '(no network)';
    case 'container':
      return `(${owner ?? '?'}'s network)`;
    case 'unseen':
      return '(not seen)';
    case 'veth':
    case 'macvlan':
    case 'ipvlan':
      return '';
  }
}
