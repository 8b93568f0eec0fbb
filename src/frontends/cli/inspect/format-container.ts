import type { ContainerInterface, ContainerReport } from '../../../inspect/views/index.ts';
import { publishedTexts, trafficText } from './texts.ts';
import { painted, type Screen } from './screen.ts';
import { tableLines } from './table.ts';

/** A container's network in words and tables. */
export function containerLines(report: ContainerReport, screen: Screen): string[] {
  const { name, engine, image, state, health, pid, netns, interfaces, routes, networks } = report;
  const facts = [
    image,
    health === undefined ? state : `${state} (${health})`,
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(netns === undefined ? [] : [netns]),
  ].filter(Boolean);
  return [
    `${painted(screen, 'strong', name)}  ${engine} container ${report.id.slice(0, 12)}   ${facts.join('   ')}`,
    ...(report.error === undefined ? [] : [painted(screen, 'bad', `  did not start: ${report.error}`)]),
    `  network     ${modeText(report)}`,
    ...(interfaces.length > 0 ? ['', ...interfaceLines(interfaces, screen)] : []),
    ...(networks.length > 0
      ? [
          '',
          ...tableLines(
            ['NETWORK', 'DRIVER', 'ADDRESS', 'GATEWAY', 'IFACE', 'ALIASES'],
            networks.map((one) => [
              one.name,
              one.driver ?? '',
              one.addresses.join(' '),
              one.gateway ?? '',
              one.interface ?? '-',
              one.aliases.join(' '),
            ]),
            screen,
            '  ',
          ),
        ]
      : []),
    '',
    ...routes.map(
      ({ destination, gateway, interface: link }) =>
        `  route       ${destination}${gateway === undefined ? '' : ` via ${gateway}`}${link === undefined ? '' : ` dev ${link}`}`,
    ),
    ...report.listeners.map(
      ({ protocol, ip, port, process }) =>
        `  listens     ${ip.includes(':') ? `[${ip}]` : ip}:${port}/${protocol}${process === undefined ? '' : `   ${process.command} (pid ${process.pid})`}`,
    ),
    ...publishedTexts(report.published.map((port) => ({ ...port, container: name }))).map(
      (text) => `  published   ${text}`,
    ),
    ...(report.published.length === 0 && report.exposed.length > 0
      ? [`  exposed     ${report.exposed.join(' ')}, none of them published`]
      : []),
  ].filter(
    (line, position, lines) => line !== '' || (position < lines.length - 1 && lines[position - 1] !== ''),
  );
}

/** Interfaces of a namespace and where they lead. */
export function interfaceLines(interfaces: readonly ContainerInterface[], screen: Screen): string[] {
  return tableLines(
    ['IFACE', 'KIND', 'ADDRESS', 'MAC', 'MTU', 'STATE', 'LEADS TO', 'BRIDGE', 'NETWORK', 'RX/TX'],
    interfaces.map((one) => [
      one.name,
      one.kind,
      one.addresses.join(' '),
      one.mac ?? '',
      String(one.mtu),
      one.state,
      one.hostVeth === undefined
        ? ''
        : one.hostPlace === 'host'
          ? one.hostVeth
          : `${one.hostVeth}@${one.hostPlace}`,
      one.bridge ?? '',
      one.network ?? '',
      trafficText(one.counters),
    ]),
    screen,
    '  ',
  );
}

function modeText({ mode, owner, sharedWith, networks, state }: ContainerReport): string {
  const shared = sharedWith.length === 0 ? '' : `; the same interfaces serve ${sharedWith.join(', ')}`;
  switch (mode) {
    case 'host':
      return "the host's own: no interface, no address and no port mapping of its own";
    case 'none':
      return `none: only loopback${shared}`;
    case 'container':
      return `that of container ${owner ?? '?'}${shared}`;
    case 'unknown':
      return `not told by an engine${shared}`;
    default:
      return networks.length === 0
        ? `${mode}${state === 'running' ? '' : ' when it runs'}${shared}`
        : `${mode}: ${networks.map(({ name }) => name).join(', ')}${shared}`;
  }
}
