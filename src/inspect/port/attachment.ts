import { addressIn, familyOf } from '../../model/index.ts';
import type { LinkView } from '../../observe/host/snapshot.ts';
import type { Finding } from '../finding.ts';
import { engineCommand } from './engine-commands.ts';
import { fact, found, good, bad, surprising, unknown } from './hop.ts';
import type { PlacedLink } from '../../observe/host/relations.ts';
import {
  bridgeOf,
  engineKindOf,
  gatewayIn,
  hostOf,
  ipsOf,
  linkAt,
  linkWith,
  relationsOf,
  subnetIn,
} from './lookup.ts';
import type { Hop } from './report.ts';
import type { Inspection } from '../inspection.ts';
import type { NetworkView } from '../engines/container-view.ts';
import { shellWord } from './shell-word.ts';
import { insideOf, nameOf, type Target } from './target.ts';

/** From the bridge of a network through the veth to the link in the container that holds the address. */
export function attachmentHops(inspection: Inspection, target: Target): Hop[] {
  const { netns, network } = target;
  const bridge = network === undefined ? undefined : bridgeOf(inspection, network);
  const inner = netns && linkWith(netns, target.ip);
  const outer = inner && relationsOf(inspection).peerOf({ netns, link: inner });
  const findings = [
    ...(network === undefined ? [] : bridgeFindings(inspection, network, familyOf(target.ip))),
    ...(outer === undefined ? [] : portFindings(inspection, outer, bridge, target)),
    ...innerFindings(inspection, target, inner, outer),
  ];
  const hops = findings.map((finding) =>
    finding.severity === 'error'
      ? bad(finding.code.startsWith('container.') ? 'container' : 'bridge', finding, 'timeout')
      : surprising('bridge', finding),
  );
  if (hops.length > 0) return hops;
  if (netns === undefined) return [unknown('bridge', `nobody that was seen holds ${target.ip}`)];
  if (inner === undefined) return [];
  if (outer === undefined)
    return [good('container', `${inner.name} (${inner.kind ?? 'device'}) ${target.ip} up`)];
  const host = hostOf(inspection);
  const path = outer.netns === host ? linkAt(host, outer.link.masterIndex) : undefined;
  const port = outer.link.bridgePort;
  return [
    ...(path === undefined
      ? []
      : [
          good(
            'bridge',
            `${path.name} up, port ${outer.link.name} ${port?.state ?? 'up'}`,
            fact('rtnetlink', `link ${outer.link.name}`, `master ${path.name}`),
          ),
        ]),
    good('container', `${nameOf(target)} ${inner.name} ${target.ip} up`),
  ];
}

/** Whether the bridge of a network is there, up, and has the address that containers take for their gateway. */
export function bridgeFindings(inspection: Inspection, network: NetworkView, family: 4 | 6): Finding[] {
  if (network.driver !== 'bridge' && network.driver !== 'tsnet') return [];
  const host = hostOf(inspection);
  const bridge = bridgeOf(inspection, network);
  const subject = `network ${network.name}`;
  if (bridge === undefined) {
    // Podman makes a bridge with its first container, and names it otherwise.
    const isNamed = ['docker', 'tsnet'].includes(engineKindOf(inspection, network) ?? '');
    if (network.bridge === undefined || !isNamed) return [];
    return [
      found('bridge.missing', {
        subject,
        message: `network ${network.name} has no bridge: ${network.bridge} does not exist`,
        evidence: [fact('rtnetlink', `${host.id} link ${network.bridge}`, 'not there')],
        fix: network.driver === 'tsnet' ? ['tsnet reconcile'] : ['systemctl restart docker'],
      }),
    ];
  }
  const name = shellWord(bridge.name);
  const object = `${host.id} link ${bridge.name}`;
  const findings: Finding[] = [];
  if (!bridge.isUp) {
    findings.push(
      found('bridge.down', {
        subject: `link ${bridge.name}`,
        message: `${bridge.name}, the bridge of network ${network.name}, is down: nothing passes it`,
        evidence: [fact('rtnetlink', object, 'IFF_UP is not set')],
        fix: [`ip link set ${name} up`],
      }),
    );
  }
  const subnet = subnetIn(network, family);
  const gateway = gatewayIn(inspection, network, family);
  if (subnet === undefined || gateway === undefined || network.isInternal || isWithoutGateway(network))
    return findings;
  if (!ipsOf(host, bridge).includes(gateway)) {
    const address = addressIn(gateway, subnet);
    findings.push(
      found('bridge.no-address', {
        subject: `link ${bridge.name}`,
        message: `${bridge.name} has lost ${address}, which network ${network.name} needs as its gateway`,
        evidence: [fact('rtnetlink', object, `addresses: ${ipsOf(host, bridge).join(', ') || 'none'}`)],
        fix: [`ip addr add ${address} dev ${name}`],
        hint: 'NetworkManager and dhcpcd take addresses away from bridges they manage',
      }),
    );
  }
  return findings;
}

/** A gateway mode in which the bridge has no address on purpose. Source: moby bridge driver, `gateway_mode_ipv4`. */
function isWithoutGateway({ options }: NetworkView): boolean {
  return Object.entries(options).some(
    ([key, value]) => /gateway_mode|inhibit_ipv4/.test(key) && (value === 'isolated' || value === 'true'),
  );
}

/** Whether the end on the host is up and a port of the bridge it should be a port of. */
export function portFindings(
  inspection: Inspection,
  { netns, link }: PlacedLink,
  bridge: LinkView | undefined,
  target: Target,
): Finding[] {
  if (netns.id !== hostOf(inspection).id) return [];
  const subject = `link ${link.name}`;
  const object = `${netns.id} link ${link.name}`;
  const whose = `the host's end of ${nameOf(target)}'s link`;
  const name = shellWord(link.name);
  const findings: Finding[] = [];
  if (bridge !== undefined && link.masterIndex !== bridge.index) {
    const other = linkAt(netns, link.masterIndex)?.name;
    findings.push(
      found('link.no-master', {
        subject,
        message: `${link.name}, ${whose}, is not a port of ${bridge.name}${other === undefined ? '' : ` but of ${other}`}`,
        evidence: [fact('rtnetlink', object, `master ${other ?? 'none'}`)],
        fix: [`ip link set ${name} master ${shellWord(bridge.name)}`],
        hint: 'usually systemd-networkd or NetworkManager took it: let them leave veth* alone',
      }),
    );
  }
  if (!link.isUp) {
    findings.push(
      found('link.down', {
        subject,
        message: `${link.name}, ${whose}, is down`,
        evidence: [fact('rtnetlink', object, `IFF_UP is not set, state ${link.operState}`)],
        fix: [`ip link set ${name} up`],
      }),
    );
  }
  const state = link.bridgePort?.state;
  if (link.isUp && link.isRunning && bridge?.isUp === true && state !== undefined && state !== 'forwarding') {
    findings.push(
      found('bridge.port-blocked', {
        isCertain: state !== 'listening' && state !== 'learning',
        subject,
        message: `${link.name}, ${whose}, is ${state} and passes nothing`,
        evidence: [fact('rtnetlink', object, `port state ${state}`)],
        hint: 'spanning tree decides that: bridge link show',
      }),
    );
  }
  return findings;
}

/** Whether the container's own end is up and holds its address. */
function innerFindings(
  inspection: Inspection,
  target: Target,
  inner: LinkView | undefined,
  outer: PlacedLink | undefined,
): Finding[] {
  const { netns, container, ip } = target;
  if (netns === undefined || container === undefined) return [];
  const subject = `container ${container.name}`;
  if (inner === undefined) {
    const lost = netns.links.find(({ kind }) => kind === 'veth');
    return [
      found('container.no-address', {
        subject,
        message: `no link of ${container.name} holds ${ip}, the address its engine gave it`,
        evidence: [fact('rtnetlink', `${netns.id} addresses`, ipsOf(netns).join(', ') || 'none')],
        fix:
          lost !== undefined && target.network !== undefined
            ? restoreAddress(inspection, target, lost.name)
            : engineCommand(target.engine, 'restart', container.name),
      }),
    ];
  }
  if (inner.isUp) return [];
  const carrier = outer === undefined ? '' : ` (${outer.link.name} on the host has no carrier)`;
  return [
    found('container.link-down', {
      subject,
      message: `${inner.name} in ${container.name} is down${carrier}`,
      evidence: [fact('rtnetlink', `${netns.id} link ${inner.name}`, 'IFF_UP is not set')],
      fix: [
        `${insideOf(target)}ip link set ${shellWord(inner.name)} up`,
        ...restoreDefaultRoute(inspection, target),
      ],
      hint: 'the kernel dropped its routes when it went down',
    }),
  ];
}

/** The command that gives a container its default route back; none where it has one or its network gives none. */
export function restoreDefaultRoute(inspection: Inspection, target: Target): string[] {
  const { network } = target;
  const family = familyOf(target.ip);
  const hasAnother = target.netns?.routes.some(
    (route) => route.family === family && route.destination === undefined && route.table === 254,
  );
  if (network === undefined || network.isInternal || hasAnother === true) return [];
  const gateway = gatewayIn(inspection, network, family);
  if (gateway === undefined) return [];
  return [`${insideOf(target)}ip ${family === 6 ? '-6 ' : ''}route replace default via ${gateway}`];
}

function restoreAddress(inspection: Inspection, target: Target, link: string): string[] {
  const subnet = target.network && subnetIn(target.network, familyOf(target.ip));
  if (subnet === undefined) return [];
  return [
    `${insideOf(target)}ip addr add ${addressIn(target.ip, subnet)} dev ${shellWord(link)}`,
    ...restoreDefaultRoute(inspection, target),
  ];
}
