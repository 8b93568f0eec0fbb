import type { IpReport } from '../../../inspect/views/index.ts';
import { painted, type Screen } from './screen.ts';
import { tableLines } from './table.ts';
import { counted } from './texts.ts';

/** RT_TABLE_*. Source: `linux/rtnetlink.h`. */
const tableNames = new Map([
  [253, 'default'],
  [254, 'main'],
  [255, 'local'],
]);

/** Who uses an address or a range, one section for each place it occurs in. */
export function ipLines(report: IpReport, screen: Screen): string[] {
  const { subnet, holders, absentHolders, networks, routes, neighbours, flows, overlaps } = report;
  const isOne = subnet.endsWith(subnet.includes(':') ? '/128' : '/32');
  const title = isOne ? subnet.slice(0, subnet.indexOf('/')) : subnet;
  return [
    painted(screen, 'strong', title),
    ...section(
      'addresses',
      [
        ...holders.map(({ address, interface: link, place, container, mac, isDuplicate }) => [
          address,
          `${link}@${place}`,
          container === undefined ? '' : 'container',
          mac ?? '',
          isDuplicate ? 'DUPLICATE' : '',
        ]),
        ...absentHolders.map(({ ip, container, state }) => [
          ip,
          container,
          'container',
          '',
          `no interface has it (${state})`,
        ]),
      ],
      screen,
      'nobody that was seen has it',
    ),
    ...section(
      'networks',
      networks.map(({ name, driver, subnet: range, gateway, containers, relation }) => [
        name,
        range,
        driver,
        gateway === undefined ? '' : `gateway ${gateway}`,
        counted(containers, 'container'),
        relation === 'inside' && !isOne ? 'inside' : '',
      ]),
      screen,
      'in no network of an engine',
    ),
    ...section(
      'routes',
      routes.map(({ destination, type, gateway, interface: link, table, metric, network }) => [
        destination,
        type === 'unicast' ? '' : type,
        gateway === undefined ? '' : `via ${gateway}`,
        link === undefined ? '' : `dev ${link}`,
        tableNames.get(table) ?? `table ${table}`,
        metric === undefined ? '' : `metric ${metric}`,
        network === undefined ? '' : `network ${network}`,
      ]),
      screen,
      'no route leads there: the host can not send to it',
    ),
    ...section(
      'neighbours',
      neighbours.map(({ ip, mac, interface: link, place, state }) => [
        ip,
        mac ?? '-',
        `${link}@${place}`,
        state,
      ]),
      screen,
    ),
    ...(flows === undefined ? [] : [`  conntrack   ${counted(flows, 'flow')}`]),
    ...overlaps.map(({ one, other, subnet: range }) =>
      painted(screen, 'warning', `! ${one} and ${other} both want ${range}`),
    ),
  ];
}

const labelWidth = 12;

function section(
  label: string,
  rows: readonly (readonly string[])[],
  screen: Screen,
  nothing?: string,
): string[] {
  if (rows.length === 0) return nothing === undefined ? [] : [`  ${label.padEnd(labelWidth)}${nothing}`];
  const width = Math.max(...rows.map((row) => row.length));
  const indent = 2 + labelWidth;
  const narrower = screen.width === undefined ? screen : { ...screen, width: screen.width - indent };
  const [, ...lines] = tableLines(
    Array.from({ length: width }, () => ''),
    rows,
    narrower,
  );
  return lines.map((line, position) => `  ${(position === 0 ? label : '').padEnd(labelWidth)}${line}`);
}
