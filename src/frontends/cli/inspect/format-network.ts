import type { NetworkReport } from '../../../inspect/views/index.ts';
import { painted, type Screen } from './screen.ts';
import { tableLines } from './table.ts';
import { counted, publishedTexts } from './texts.ts';

/** A network in words and a table of its containers. */
export function networkLines(report: NetworkReport, screen: Screen): string[] {
  const { name, driver, engine, id, isInternal, subnets, bridge, parent, members } = report;
  const where =
    bridge === undefined
      ? parent === undefined
        ? 'no bridge was found'
        : `on ${parent}`
      : `bridge ${bridge.name} ${bridge.state}, mtu ${bridge.mtu}`;
  return [
    `${painted(screen, 'strong', name)}  network ${id.slice(0, 12)} (${driver}, ${engine})   ${where}${isInternal ? '   internal' : ''}`,
    ...subnets.map(
      ({ subnet, gateway, range, used, total }) =>
        `  ${subnet}${range === undefined ? '' : ` (gives from ${range})`}   gateway ${gateway ?? '-'}   used ${used} of ${total} addresses`,
    ),
    ...report.namesakes.map(
      (one) => `  of this name, too: tsnet inspect network ${one.id.slice(0, 12)} (${one.engine})`,
    ),
    '',
    ...(members.length === 0
      ? ['  no containers']
      : tableLines(
          ['CONTAINER', 'STATE', 'ADDRESS', 'MAC', 'IFACE', 'HOST VETH', 'LINK', 'ALIASES'],
          members.map((one) => [
            one.container,
            one.state,
            one.addresses.join(' '),
            one.mac ?? '',
            one.interface ?? '',
            one.hostVeth ?? '',
            one.linkState ?? '',
            one.aliases.join(' '),
          ]),
          screen,
          '  ',
        )),
    ...(report.published.length === 0
      ? []
      : ['', ...publishedTexts(report.published).map((text) => `  published   ${text}`)]),
    ...(members.length > 0 ? ['', `  ${counted(members.length, 'container')}`] : []),
  ];
}
