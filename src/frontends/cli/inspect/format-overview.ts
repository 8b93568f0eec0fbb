import type { Overview, OverviewBridge } from '../../../inspect/views/index.ts';
import { painted, type Screen } from './screen.ts';
import { cut } from './table.ts';
import { addressesText, counted, publishedTexts } from './texts.ts';
import { treeLines, type Branch } from './tree.ts';

/** So many ports of a bridge are shown; the rest is counted. */
const shownPorts = 10;
const shownPublished = 12;
/** Names in one line. */
const shownNames = 8;

/** The whole host on a screen. */
export function overviewLines(view: Overview, screen: Screen): string[] {
  const { host, engines, counts, published, stopped, otherNamespaces } = view;
  const whose =
    engines.map(({ kind, version }) => `${kind} ${version}`.trim()).join(', ') || 'no engine answers';
  const lines = [
    `${painted(screen, 'strong', host.name)}   Linux ${host.kernel}   ${whose}   ${counted(counts.networks, 'network')}, ` +
      `${counts.running} of ${counted(counts.containers, 'container')} running, ${counted(counts.namespaces, 'namespace')}`,
    '',
    ...treeLines(branchesOf(view)),
    '',
    ...labelled('published', limited(publishedTexts(published), shownPublished, 'tsnet port')),
    ...labelled(
      'stopped',
      stopped.length === 0
        ? []
        : [
            listed(
              stopped.map(({ name }) => name),
              'tsnet ps --all',
            ),
          ],
    ),
    ...labelled(
      'other netns',
      otherNamespaces.length === 0
        ? []
        : [
            listed(
              otherNamespaces.map(({ title }) => title),
              'tsnet inspect netns',
            ),
          ],
    ),
    '',
    findingsLine(view, screen),
    '',
    painted(
      screen,
      'faint',
      'more: tsnet inspect veth · container NAME · network NAME · bridge NAME · ip ADDRESS · netns · port PORT · tsnet doctor',
    ),
  ];
  return lines
    .filter((line, position) => line !== '' || lines[position - 1] !== '')
    .map((line) => (screen.width === undefined || screen.hasColour ? line : cut(line, screen.width)));
}

function findingsLine({ findings, gaps }: Overview, screen: Screen): string {
  const { errors, warnings, notes } = findings;
  const found = [counted(errors, 'error'), counted(warnings, 'warning'), counted(notes, 'note')];
  const told = found.filter((text) => !text.startsWith('0 ')).join(', ');
  if (told === '') {
    return gaps.length === 0
      ? painted(screen, 'good', '✓ nothing wrong was found')
      : painted(screen, 'faint', '? nothing wrong was found in what could be read');
  }
  const [mark, tone] =
    errors > 0
      ? (['✗', 'bad'] as const)
      : warnings > 0
        ? (['!', 'warning'] as const)
        : (['·', 'faint'] as const);
  return `${painted(screen, tone, `${mark} ${told}`)}   tsnet doctor tells which`;
}

/** What hangs on the host: links to other machines, bridges with their ports, containers without a bridge. */
export function branchesOf(view: Overview): Branch[] {
  const { uplinks, bridges, stacked, looseVeths, hostNetwork, isolated, otherNetworks } = view;
  const parents = [...new Set(stacked.map(({ hostVeth }) => hostVeth ?? '?'))];
  return [
    ...uplinks.map(({ name, addresses, state, defaultGateways, peerPlace, kind }) => ({
      text: [
        name,
        addressesText(addresses),
        state === 'up' ? '' : state,
        defaultGateways.length === 0 ? '' : `default via ${defaultGateways.join(', ')}`,
        peerPlace === undefined ? '' : `to netns ${peerPlace}`,
        kind === 'physical' || kind === 'veth' ? '' : `(${kind})`,
      ]
        .filter(Boolean)
        .join('  '),
      children: parents.includes(name) ? stackedOn(view, name) : [],
    })),
    ...bridges.map(bridgeBranch),
    ...parents
      .filter((parent) => !uplinks.some(({ name }) => name === parent))
      .map((parent) => ({ text: parent, children: stackedOn(view, parent) })),
    ...looseVeths.map(({ hostVeth, container, addresses, type, interface: inside }) => ({
      text:
        type === 'unseen'
          ? `${hostVeth ?? `${inside ?? '?'}@${container ?? '?'}`}  the other end was not seen`
          : `${hostVeth} ─ ${container}  ${addressesText(addresses)}  (no bridge)`,
    })),
    ...(hostNetwork.length === 0
      ? []
      : [{ text: `(host network)  ${hostNetwork.map(({ name }) => name).join(', ')}` }]),
    ...(isolated.length === 0
      ? []
      : [{ text: `(no network)  ${isolated.map(({ name }) => name).join(', ')}` }]),
    ...(otherNetworks.length === 0
      ? []
      : [
          {
            text: `(networks without a bridge)  ${otherNetworks.map(({ name, driver }) => `${name} (${driver})`).join(', ')}`,
          },
        ]),
  ];
}

function bridgeBranch(bridge: OverviewBridge): Branch {
  const { name, addresses, network, ports, state } = bridge;
  const rest = ports.length - shownPorts;
  return {
    text: [
      name,
      addressesText(addresses),
      network === undefined
        ? ''
        : `network ${network.name} (${network.driver})${network.isInternal ? ' internal' : ''}`,
      state === 'up' || ports.length === 0 ? '' : state,
      ports.length === 0 ? 'no ports' : '',
    ]
      .filter(Boolean)
      .join('  '),
    children: [
      ...ports.slice(0, shownPorts).map((port) => ({
        text: [
          port.name,
          '─',
          port.container ?? (port.place === undefined ? '(a link of the host)' : `netns ${port.place}`),
          port.interface ?? '',
          addressesText(port.addresses),
          port.linkState === 'up' ? '' : port.linkState,
          port.linkState === 'up' && port.portState !== 'forwarding' ? port.portState : '',
        ]
          .filter(Boolean)
          .join(' '),
        children: port.sharedWith.map((one) => ({ text: `${one} (same interface)` })),
      })),
      ...(rest > 0 ? [{ text: `… ${rest} more: tsnet inspect bridge ${name}` }] : []),
    ],
  };
}

function stackedOn({ stacked }: Overview, parent: string): Branch[] {
  return stacked
    .filter(({ hostVeth }) => (hostVeth ?? '?') === parent)
    .map(({ type, container, place, interface: inside, addresses, network }) => ({
      text: `${container ?? `netns ${place}`} ${inside ?? ''} ${addressesText(addresses)}  (${type}${network === undefined ? '' : `, network ${network}`})`,
    }));
}

function labelled(label: string, texts: readonly string[]): string[] {
  return texts.map((text, position) => `${(position === 0 ? label : '').padEnd(12)}${text}`);
}

function limited(texts: readonly string[], most: number, more: string): string[] {
  return texts.length <= most
    ? [...texts]
    : [...texts.slice(0, most), `… ${texts.length - most} more: ${more}`];
}

function listed(names: readonly string[], more: string): string {
  const rest = names.length - shownNames;
  return `${names.slice(0, shownNames).join(', ')}${rest > 0 ? `, … ${rest} more: ${more}` : ''}`;
}
