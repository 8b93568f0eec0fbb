import type { NetnsList, NetnsReport } from '../../../inspect/views/index.ts';
import { interfaceLines } from './format-container.ts';
import { painted, type Screen } from './screen.ts';
import { tableLines } from './table.ts';
import { addressesText } from './texts.ts';

const shownProcesses = 3;
const shownInterfaces = 4;

/** All namespaces as a table; one of them with its interfaces. */
export function netnsLines({ namespaces }: NetnsList, screen: Screen, isOne: boolean): string[] {
  const [first] = namespaces;
  if (isOne && first !== undefined) return detailLines(first, screen);
  return tableLines(
    ['NAMESPACE', 'NAME', 'CONTAINERS', 'PROCESSES', 'INTERFACES', 'PATH'],
    namespaces.map((netns) => [
      netns.id,
      netns.title,
      netns.isHost
        ? String(netns.containers.length || '')
        : netns.containers.map(({ name }) => name).join(' '),
      String(netns.processes.length),
      netns.isHost ? String(netns.interfaces.length) : interfacesText(netns),
      netns.paths.join(' '),
    ]),
    screen,
  );
}

function detailLines(netns: NetnsReport, screen: Screen): string[] {
  const { title, id, paths, containers, processes, interfaces, listeners } = netns;
  const rest = processes.length - shownProcesses;
  const shown = processes.slice(0, shownProcesses).map(({ pid, command }) => `${command} (pid ${pid})`);
  return [
    `${painted(screen, 'strong', title)}  ${id}`,
    ...paths.map((path) => `  path        ${path}`),
    ...(containers.length === 0
      ? []
      : [`  containers  ${containers.map(({ name, engine }) => `${name} (${engine})`).join(', ')}`]),
    `  processes   ${processes.length === 0 ? 'none' : shown.join(', ')}${rest > 0 ? `, … ${rest} more` : ''}`,
    ...(interfaces.length === 0 ? ['  only loopback'] : ['', ...interfaceLines(interfaces, screen), '']),
    ...listeners.map(
      ({ protocol, ip, port, process }) =>
        `  listens     ${ip.includes(':') ? `[${ip}]` : ip}:${port}/${protocol}${process === undefined ? '' : `   ${process.command} (pid ${process.pid})`}`,
    ),
  ];
}

function interfacesText({ interfaces }: NetnsReport): string {
  const rest = interfaces.length - shownInterfaces;
  const shown = interfaces
    .slice(0, shownInterfaces)
    .map(({ name, addresses }) => `${name} ${addressesText(addresses)}`.trim());
  return `${shown.join(', ')}${rest > 0 ? `, … ${rest} more` : ''}`;
}
