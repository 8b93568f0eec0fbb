import type { BridgeList, BridgePort, BridgeReport } from '../../../inspect/views/index.ts';
import { painted, type Screen } from './screen.ts';
import { tableLines, type Cell } from './table.ts';
import { addressesText, counted, publishedTexts, trafficText } from './texts.ts';

/** Bridges: each with its ports, and its MAC table where one bridge was asked for. */
export function bridgeLines({ bridges }: BridgeList, screen: Screen, hasTables: boolean): string[] {
  if (bridges.length === 0) return ['no bridge'];
  const lines = bridges.flatMap((bridge, position) => [
    ...(position === 0 ? [] : ['']),
    ...headLines(bridge, screen),
    ...portLines(bridge, screen),
    ...(hasTables ? tableOf(bridge, screen) : []),
    ...publishedTexts(bridge.published).map((text) => `  published   ${text}`),
  ]);
  return lines.filter(
    (line, position) => line !== '' || (position < lines.length - 1 && lines[position - 1] !== ''),
  );
}

function headLines(bridge: BridgeReport, screen: Screen): string[] {
  const { name, place, network, addresses, mtu, state, ports, forwarding } = bridge;
  const learned = forwarding.filter(({ origin }) => origin === 'learned').length;
  const title = network === undefined ? '' : `network ${network.name} (${network.driver}, ${network.engine})`;
  const facts = [title, `mtu ${mtu}`, state].filter(Boolean);
  return [
    `${painted(screen, 'strong', place === 'host' ? name : `${name}@${place}`)}  ${facts.join('   ')}`,
    `  ${[...addresses, bridge.mac ?? ''].join('   ').trimEnd()}`,
    `  ${counted(ports.length, 'port')}, ${learned} learned (kept ${bridge.ageingSeconds} s), STP ${onOff(bridge.stp)}, ` +
      `VLAN filtering ${onOff(bridge.vlanFiltering)}, multicast snooping ${onOff(bridge.multicastSnooping)}`,
  ];
}

function portLines({ ports }: BridgeReport, screen: Screen): string[] {
  if (ports.length === 0) return [];
  return [
    '',
    ...tableLines(
      ['PORT', 'STATE', 'CONTAINER', 'IFACE', 'ADDRESS', 'MAC', 'LEARNED', 'FLAGS', 'RX/TX'],
      ports.map(portCells),
      screen,
      '  ',
    ),
    '',
  ];
}

function portCells(port: BridgePort): Cell[] {
  const { portState, linkState, container, place, kind } = port;
  const state = linkState === 'down' ? 'down' : portState;
  return [
    port.name,
    state === 'forwarding' ? state : { text: state, tone: 'bad' },
    container ?? (place === undefined ? `(${kind})` : place === 'host' ? 'host' : `netns ${place}`),
    port.interface ?? '',
    addressesText(port.addresses),
    port.mac ?? '',
    String(port.learned),
    port.flags.join(' '),
    trafficText(port.counters),
  ];
}

function tableOf({ forwarding }: BridgeReport, screen: Screen): string[] {
  if (forwarding.length === 0) return [];
  return [
    ...tableLines(
      ['MAC', 'PORT', 'ORIGIN', 'AGE', 'VLAN', 'WHOSE', 'IP'],
      forwarding.map(({ mac, port, origin, ageSeconds, vlan, owner, ips }) => [
        mac,
        port,
        origin,
        ageSeconds === undefined ? '' : `${Math.round(ageSeconds)} s`,
        vlan === undefined ? '' : String(vlan),
        owner ?? '',
        ips.join(' '),
      ]),
      screen,
      '  ',
    ),
    '',
  ];
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
