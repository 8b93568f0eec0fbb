import type { Ip, Protocol } from '../../model/index.ts';
import type { PlacedLink } from '../../observe/host/relations.ts';
import type { LinkView, NetnsView } from '../../observe/host/snapshot.ts';
import type { Finding } from '../finding.ts';
import { fact, found, good } from './hop.ts';
import { listenerHop } from './listener.ts';
import type { Hop } from './report.ts';
import { routeFromTables } from './routing.ts';
import { wayBackHop } from './way-back.ts';
import { linkCalled, linkWith, networkById, relationsOf, type Owned } from './lookup.ts';
import type { Inspection } from '../inspection.ts';
import type { Scene } from './scene.ts';
import { nameOf, targetAt, type Target } from './target.ts';
import { shellWord } from './shell-word.ts';

/** The host asks a macvlan or ipvlan child of one of its own links: by design neither reaches the other. */
export function macvlanFinding({ inspection, host }: Scene, ip: Ip, origin: string): Finding | undefined {
  if (origin === 'lan') return undefined;
  const target = targetAt(inspection, ip, 0, 'tcp');
  const child = childOf(inspection, target);
  if (child?.parent?.netns.id !== host.id) return undefined;
  const { inner, parent, netns } = child;
  if (hasOwnChild(host, parent.link, ip)) return undefined;
  const kind = inner.kind ?? 'macvlan';
  const name = nameOf(target);
  return found('macvlan.host', {
    severity: 'note',
    subject: `container ${name}`,
    message: `${name} is a ${kind} child of ${parent.link.name}: by design this host cannot reach it over ${parent.link.name}; other machines can`,
    evidence: [fact('rtnetlink', `${netns.id} link ${inner.name}`, `${kind}, parent ${parent.link.name}`)],
    fix: [
      `ip link add tsnet-mv0 link ${shellWord(parent.link.name)} type ${kind} mode ${kind === 'macvlan' ? 'bridge' : 'l2'}`,
      'ip link set tsnet-mv0 up',
      `ip route add ${ip}/${ip.includes(':') ? 128 : 32} dev tsnet-mv0`,
    ],
    hint: `the commands give the host a ${kind} child of its own for this address; they last until a restart`,
  });
}

/** The macvlan or ipvlan link that holds an address, and the link it rides on. */
export function childOf(
  inspection: Inspection,
  { netns, ip }: Pick<Target, 'netns' | 'ip'>,
):
  | { readonly netns: NetnsView; readonly inner: LinkView; readonly parent: PlacedLink | undefined }
  | undefined {
  const inner = netns && linkWith(netns, ip);
  if (netns === undefined || inner === undefined || !/^(?:mac|ip)vlan$/.test(inner.kind ?? ''))
    return undefined;
  return { netns, inner, parent: relationsOf(inspection).parentOf({ netns, link: inner }) };
}

/** The way from the LAN to a container that is on the LAN itself; undefined for all others. */
export async function besidesHost(
  scene: Scene,
  source: Ip,
  ip: Ip,
  port: number,
  protocol: Protocol,
): Promise<Hop[] | undefined> {
  const target = targetAt(scene.inspection, ip, port, protocol);
  const child = childOf(scene.inspection, target);
  if (child === undefined) return undefined;
  const { inner, parent, netns } = child;
  return [
    good(
      'container',
      `${nameOf(target)} ${inner.name} is a ${inner.kind} child of ${parent?.link.name ?? 'a link that was not seen'}: frames pass beside the host's network stack`,
      fact('rtnetlink', `${netns.id} link ${inner.name}`, `${inner.kind}`),
    ),
    listenerHop(scene.inspection, target),
    await wayBackHop(scene, target, source),
  ];
}

/** Whether the host has a child of its own at the parent, and a route by it. */
function hasOwnChild(host: NetnsView, parent: LinkView, ip: Ip): boolean {
  const answer = routeFromTables({ netns: host, to: ip });
  const link = answer.kind === 'none' ? undefined : linkCalled(host, answer.link);
  return link?.peerIndex === parent.index && /^(?:mac|ip)vlan$/.test(link.kind ?? '');
}

/** Containers on the default bridge have no names for each other. Source: Docker documentation, bridge driver. */
export function nameServiceFinding(
  inspection: Inspection,
  asker: Owned,
  other: Owned | undefined,
): Finding | undefined {
  if (other === undefined || other.container.id === asker.container.id || asker.engine.kind !== 'docker')
    return undefined;
  const networks = asker.container.attachments.map(
    ({ networkId, networkName }) => networkById(inspection, networkId)?.name ?? networkName,
  );
  if (networks.length !== 1 || networks[0] !== 'bridge') return undefined;
  const name = shellWord(asker.container.name);
  const shared = other.container.attachments.find(({ networkName }) => networkName !== 'bridge');
  return found('names.default-bridge', {
    severity: 'note',
    subject: `container ${asker.container.name}`,
    message: `${asker.container.name} is on the default bridge, which has no name service: "${other.container.name}" cannot be resolved there`,
    evidence: [fact('docker', `container ${asker.container.name}`, 'its only network is bridge')],
    fix: shared === undefined ? [] : [`docker network connect ${shellWord(shared.networkName)} ${name}`],
    hint: 'names exist on networks that you create yourself: docker network create NAME',
  });
}
