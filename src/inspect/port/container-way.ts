import { familyOf, type Ip } from '../../model/index.ts';
import type { Packet } from '../rules/packet.ts';
import { arrive, type Arrival } from './arrival.ts';
import { attachmentHops, restoreDefaultRoute } from './attachment.ts';
import { isolatedFinding } from './design-findings.ts';
import { firewallHopsOf } from './deliver.ts';
import { firewallHops, pass } from './firewall.ts';
import { bad, fact, found, good } from './hop.ts';
import { answerTo, enter, leave } from './inside.ts';
import { listenerHop } from './listener.ts';
import {
  bridgeOf,
  ipsOf,
  isLoopback,
  linkCalled,
  linkWith,
  netnsOf,
  relationsOf,
  type Owned,
} from './lookup.ts';
import type { Hop, Way } from './report.ts';
import { findUplink, localAddresses, type Scene } from './scene.ts';
import { nameOf, targetAt, targetIn, type Target } from './target.ts';
import { wayBackHop } from './way-back.ts';

type Passed = Pick<Way, 'by'> & { readonly hops: readonly Hop[]; readonly source: Ip };

/** From a container to an address: another container's, or one of the host. */
export async function askFromContainer(
  arrival: Omit<Arrival, 'packet'>,
  asker: Owned,
  destination: Ip,
  port: number,
): Promise<Passed> {
  const { scene, question, from } = arrival;
  const { inspection, host } = scene;
  const netns = netnsOf(inspection, asker.container);
  if (netns === host) return await askAsHost(arrival, destination, port);
  const target = targetOf(scene, destination, port, question.protocol);
  const own = sourceOf(scene, asker, destination, target);
  if (netns === undefined || own === undefined) {
    return { by: 'direct', source: own ?? destination, hops: [notInNetwork(asker, destination)] };
  }
  const sender = { ...targetAt(inspection, own, 0, question.protocol), netns };
  if (target?.netns === netns) {
    return {
      by: 'direct',
      source: own,
      hops: [
        good('route', `${from} and ${nameOf(target)} share one network stack`),
        listenerHop(inspection, target),
      ],
    };
  }
  const attached = attachmentHops(inspection, sender).filter(({ state }) => state === 'bad');
  const packet: Packet = {
    family: familyOf(destination),
    protocol: question.protocol,
    source: own,
    destination,
    sourcePort: 49_152,
    destinationPort: port,
    connection: 'new',
    localAddresses: localAddresses(host),
  };
  const out = [
    ...leave({ scene, from, target: sender, packet }),
    ...(await routeOut(scene, sender, destination)),
  ];
  const shared =
    target?.network !== undefined && target.network.id === sender.network?.id ? target : undefined;
  if (shared !== undefined) {
    return {
      by: 'direct',
      source: own,
      hops: [...attached, ...out, ...(await sameNetwork(scene, from, packet, sender, shared))],
    };
  }
  if (target?.network !== undefined && sender.network !== undefined && target.container !== undefined) {
    const apart = isolatedFinding({ scene, from, target }, target.network, sender.network, [
      fact(
        asker.engine.kind,
        `container ${from}`,
        asker.container.attachments.map(({ networkName }) => networkName).join(', '),
      ),
      fact(
        target.engine?.kind ?? 'docker',
        `container ${nameOf(target)}`,
        target.container.attachments.map(({ networkName }) => networkName).join(', '),
      ),
    ]);
    return { by: 'direct', source: own, hops: [...attached, ...out, bad('firewall', apart, 'timeout')] };
  }
  const bridge = sender.network && bridgeOf(inspection, sender.network);
  const passed = await arrive({
    ...arrival,
    packet: { ...packet, ...(bridge === undefined ? {} : { inLink: bridge.name }) },
  });
  return { ...passed, source: own, hops: [...attached, ...out, ...passed.hops] };
}

/** A container in the host's network asks as the host does. */
async function askAsHost(arrival: Omit<Arrival, 'packet'>, destination: Ip, port: number): Promise<Passed> {
  const { scene, question } = arrival;
  const family = familyOf(destination);
  const source = findUplink(scene.host, family)?.ip ?? destination;
  const packet: Packet = {
    family,
    protocol: question.protocol,
    source,
    destination,
    sourcePort: 49_152,
    destinationPort: port,
    connection: 'new',
    localAddresses: localAddresses(scene.host),
  };
  return { ...(await arrive({ ...arrival, packet })), source };
}

/** The address by which a container asks: the one in the network of the destination, else its first. */
function sourceOf(
  { inspection }: Scene,
  { container }: Owned,
  destination: Ip,
  target: Target | undefined,
): Ip | undefined {
  const { attachments } = container;
  const shared = attachments.filter(({ networkId }) => networkId === target?.network?.id);
  const netns = netnsOf(inspection, container);
  // One that uses another's network has no address of its own.
  const borrowed = netns === undefined ? [] : ipsOf(netns).filter((ip) => !isLoopback(ip));
  const ips = [...[...shared, ...attachments].flatMap(({ addresses }) => addresses), ...borrowed];
  return ips.find((ip) => familyOf(ip) === familyOf(destination));
}

function targetOf(
  { inspection }: Scene,
  destination: Ip,
  port: number,
  protocol: Target['protocol'],
): Target | undefined {
  const owner = inspection.engines
    .flatMap((engine) => engine.containers.map((container) => ({ engine, container })))
    .find(({ container }) => container.attachments.some(({ addresses }) => addresses.includes(destination)));
  if (owner === undefined) return undefined;
  return targetIn(inspection, owner, { ip: destination, port, protocol });
}

async function routeOut(scene: Scene, sender: Target, destination: Ip): Promise<Hop[]> {
  const { netns } = sender;
  if (netns === undefined) return [];
  const answer = await scene.askRoute({ netns, to: destination });
  if (answer.kind !== 'none')
    return [
      good(
        'route',
        `${nameOf(sender)}: ${answer.entry}`,
        fact('rtnetlink', `${netns.id} route to ${destination}`, answer.entry),
      ),
    ];
  const inner = linkWith(netns, sender.ip);
  if (inner?.isUp === false) return [];
  const { network } = sender;
  if (network?.isInternal === true) {
    return [
      bad(
        'route',
        found('network.internal', {
          severity: 'note',
          subject: `network ${network.name}`,
          message: `network ${network.name} is internal: ${nameOf(sender)} has no way out of it to ${destination}`,
          evidence: [fact(sender.engine?.kind ?? 'docker', `network ${network.name}`, 'Internal=true')],
          hint: `connect ${nameOf(sender)} to a second network that is not internal`,
        }),
        'unreachable',
      ),
    ];
  }
  return [
    bad(
      'route',
      found('container.no-route-out', {
        subject: `container ${nameOf(sender)}`,
        message: `${nameOf(sender)} has no route to ${destination}`,
        evidence: [fact('rtnetlink', `${netns.id} route to ${destination}`, answer.why)],
        fix: restoreDefaultRoute(scene.inspection, sender),
      }),
      'unreachable',
    ),
  ];
}

/** Two containers of one network: bridged, and asked by the rules of IP only where br_netfilter is on. */
async function sameNetwork(
  scene: Scene,
  from: string,
  packet: Packet,
  sender: Target,
  target: Target,
): Promise<Hop[]> {
  const { inspection, host } = scene;
  const bridge = target.network && bridgeOf(inspection, target.network);
  const hops: Hop[] = [];
  if (bridge !== undefined) {
    const outer = hostEnd(scene, sender);
    const onward: Packet = {
      ...packet,
      inLink: bridge.name,
      outLink: bridge.name,
      ...(outer === undefined ? {} : { inPort: outer }),
    };
    const place = { scene, from, target, packet: onward, hook: 'forward' } as const;
    const ports = hostEnd(scene, target);
    const frames = pass(
      scene,
      host,
      'forward',
      { ...onward, inLink: outer ?? bridge.name, outLink: ports ?? bridge.name },
      { family: 'bridge' },
    );
    if (frames.blocks.length > 0) hops.push(...firewallHops(frames, place));
    const setting =
      packet.family === 4 ? 'bridge/bridge-nf-call-iptables' : 'bridge/bridge-nf-call-ip6tables';
    if (host.sysctls[setting] === '1' || (packet.family === 4 && bridge.bridge?.callsIptables === true)) {
      const guarded = pass(scene, host, 'prerouting', { ...onward, outLink: '' }, { type: 'filter' });
      hops.push(
        ...firewallHopsOf(scene, guarded, { ...place, hook: 'prerouting' }).filter(
          ({ state }) => state === 'bad',
        ),
      );
      hops.push(...firewallHopsOf(scene, pass(scene, host, 'forward', onward), place));
    } else {
      hops.push(
        good(
          'firewall',
          `rules of IP are not asked about what ${bridge.name} hands on`,
          fact('sysctl', `net.${setting.replaceAll('/', '.')}`, host.sysctls[setting] ?? 'not there'),
        ),
      );
    }
    const isolated = [outer, ports].every((name) => linkCalled(host, name)?.bridgePort?.isolated === true);
    if (isolated) hops.push(bad('bridge', isolatedPorts(target, bridge.name), 'timeout'));
  }
  const inside = enter({ scene, from, target, packet });
  const answer = answerTo(packet, inside.target, packet.source);
  return [
    ...hops,
    ...attachmentHops(inspection, target),
    ...inside.hops,
    listenerHop(inspection, inside.target),
    ...leave({ scene, from, target, packet: answer, isAnswer: true }),
    await wayBackHop(scene, target, packet.source),
  ];
}

function hostEnd({ inspection, host }: Scene, { netns, ip }: Target): string | undefined {
  const inner = netns && linkWith(netns, ip);
  const outer = inner && netns && relationsOf(inspection).peerOf({ netns, link: inner });
  return outer?.netns.id === host.id ? outer.link.name : undefined;
}

function isolatedPorts({ network }: Target, bridge: string): ReturnType<typeof found> {
  return found('network.icc-off', {
    severity: 'note',
    subject: `network ${network?.name ?? bridge}`,
    message: `network ${network?.name ?? bridge} keeps its containers apart: both are isolated ports of ${bridge}`,
    evidence: [fact('rtnetlink', `link ${bridge}`, 'ports isolated')],
    hint: 'this is a setting and no defect; use another network, or make it again without the option',
  });
}

function notInNetwork({ container, engine }: Owned, destination: Ip): Hop {
  const why = container.state === 'running' ? 'has no address of that family' : `is ${container.state}`;
  return bad(
    'route',
    found('container.no-network', {
      subject: `container ${container.name}`,
      message: `${container.name} ${why}: it cannot ask ${destination}`,
      evidence: [
        fact(
          engine.kind,
          `container ${container.name}`,
          `network mode ${container.networkMode || 'unknown'}`,
        ),
      ],
    }),
    'unreachable',
  );
}
