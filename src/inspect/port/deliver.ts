import { contains, familyOf, ipOf, subnetOf, type Ip } from '../../model/index.ts';
import type { LinkView } from '../../observe/host/snapshot.ts';
import type { Finding } from '../finding.ts';
import type { Packet } from '../rules/packet.ts';
import { attachmentHops } from './attachment.ts';
import { flushFinding } from './engine-rules.ts';
import { firewallHops, pass, type Passage } from './firewall.ts';
import { bad, fact, found, good } from './hop.ts';
import { answerTo, enter, leave } from './inside.ts';
import { listenerHop } from './listener.ts';
import { bridgeOf, linkCalled } from './lookup.ts';
import type { Hop } from './report.ts';
import { formatRoute, prefixesTo } from './routing.ts';
import { effective, forwards, type Scene } from './scene.ts';
import { shellWord, shellWords } from './shell-word.ts';
import { nameOf, type Target } from './target.ts';
import { wayBackHop } from './way-back.ts';

/** A packet on the host that goes to a container. */
export interface Delivery {
  readonly scene: Scene;
  readonly from: string;
  readonly packet: Packet;
  readonly target: Target;
  /** Its source as the container sees it, when it is not that of the packet. */
  readonly asker?: Ip;
}

/** From the host's routing to the container's socket and back. */
export async function deliver(delivery: Delivery): Promise<Hop[]> {
  const { scene, packet, target } = delivery;
  const isForwarded = packet.inLink !== undefined;
  const bridge = target.network && bridgeOf(scene.inspection, target.network);
  const routed = await routeHops(delivery);
  const outLink = expectedLink(target, bridge?.name) ?? routed.link;
  const onward: Packet = outLink === undefined ? packet : { ...packet, outLink };
  const asker = delivery.asker ?? packet.source;
  const inside = enter({ ...delivery, packet: onward });
  return [
    ...(isForwarded ? forwardingHops(scene, packet) : []),
    ...routed.hops,
    ...(isForwarded ? filterHops(delivery, onward) : []),
    ...attachmentHops(scene.inspection, target),
    ...inside.hops,
    listenerHop(scene.inspection, inside.target),
    ...leave({ ...delivery, packet: answerTo(onward, inside.target, asker), isAnswer: true }),
    await wayBackHop(scene, target, asker),
    ...answerHops(delivery, onward),
  ];
}

/** The link that leads to the container once everything before it is repaired. */
function expectedLink({ network }: Target, bridge: string | undefined): string | undefined {
  return network?.driver === 'bridge' || network?.driver === 'tsnet' ? bridge : undefined;
}

function forwardingHops({ host }: Scene, { family, inLink }: Packet): Hop[] {
  const isOn = forwards(host, family);
  if (isOn === undefined) return [];
  const name = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
  if (!isOn) {
    return [
      bad(
        'forwarding',
        found('forwarding.off', {
          subject: 'host',
          message: `the host does not forward packets: ${name}=0; what docker-proxy hands on does not need it`,
          evidence: [fact('sysctl', name, '0')],
          fix: [`sysctl -w ${name}=1`],
          hint: 'put it into a file in /etc/sysctl.d as well, and look which file there sets it to 0',
        }),
        'timeout',
      ),
    ];
  }
  const ofLink = inLink === undefined ? undefined : host.sysctls[`ipv4/conf/${inLink}/forwarding`];
  if (family === 4 && inLink !== undefined && ofLink === '0') {
    const setting = `net.ipv4.conf.${inLink}.forwarding`;
    return [
      bad(
        'forwarding',
        found('forwarding.off', {
          subject: `link ${inLink}`,
          message: `the host does not forward what comes in by ${inLink}: ${setting}=0`,
          evidence: [fact('sysctl', setting, '0')],
          fix: [`sysctl -w ${shellWord(`${setting}=1`)}`],
        }),
        'timeout',
      ),
    ];
  }
  return [good('forwarding', `${name}=1`, fact('sysctl', name, '1'))];
}

/** Whether the route to the container leads to its bridge, and whether its source may come in where it does. */
async function routeHops({
  scene,
  packet,
  target,
}: Delivery): Promise<{ readonly hops: readonly Hop[]; readonly link?: string }> {
  const { host, inspection, askRoute } = scene;
  const { inLink, source, mark } = packet;
  const answer = await askRoute({
    netns: host,
    to: target.ip,
    protocol: target.protocol,
    ...(inLink === undefined ? {} : { inLink, from: source }),
    ...(mark === undefined ? {} : { mark }),
  });
  const bridge = target.network && bridgeOf(inspection, target.network);
  const object = `${host.id} route to ${target.ip}`;
  const lost =
    answer.kind === 'none' || answer.link !== bridge?.name ? lostRoute(scene, target, bridge) : undefined;
  if (lost !== undefined) {
    return answer.kind === 'none'
      ? { hops: [bad('route', lost, 'unreachable')] }
      : { hops: [bad('route', lost, 'timeout')], link: answer.link };
  }
  if (answer.kind === 'none') {
    if (answer.why === 'reverse-path' && inLink !== undefined)
      return { hops: [reversePathHop(scene, packet)] };
    // A bridge that is down or has no address has no route; that is said there.
    if (bridge !== undefined && isBridgeBroken(scene, target)) return { hops: [] };
    return {
      hops: [
        bad(
          'route',
          found('route.none', {
            subject: `address ${target.ip}`,
            message: `the host has no route to ${target.ip} (${nameOf(target)}): ${answer.why}`,
            evidence: [fact('rtnetlink', object, answer.why)],
          }),
          'unreachable',
        ),
      ],
    };
  }
  if (
    bridge !== undefined &&
    answer.link !== bridge.name &&
    expectedLink(target, bridge.name) !== undefined
  ) {
    if (isBridgeBroken(scene, target)) return { hops: [], link: answer.link };
    const taker = prefixesTo(host, target.ip)[0];
    const entry = taker === undefined ? answer.entry : formatRoute(host, taker);
    return {
      hops: [
        bad(
          'route',
          found('route.taken', {
            subject: `address ${target.ip}`,
            message: `${target.ip} (${nameOf(target)}) is routed to ${answer.link} and not to ${bridge.name}: "${entry}" takes over a part of network ${target.network?.name ?? ''}`,
            evidence: [fact('rtnetlink', object, entry)],
            fix: taker === undefined ? [] : [`ip route del ${shellWords(entry)}`],
            hint: 'if a VPN or the LAN needs that route, make the network again with another subnet',
          }),
          'timeout',
        ),
      ],
      link: answer.link,
    };
  }
  return {
    hops: [good('route', `${target.ip}: ${answer.entry}`, fact('rtnetlink', object, answer.entry))],
    link: answer.link,
  };
}

function isBridgeBroken({ inspection, host }: Scene, { network, ip }: Target): boolean {
  const bridge = network && bridgeOf(inspection, network);
  if (bridge === undefined) return false;
  const holds = host.addresses.some(
    ({ linkIndex, address }) => linkIndex === bridge.index && address.includes(':') === (familyOf(ip) === 6),
  );
  return !bridge.isUp || !holds;
}

/** Says that a bridge is up and has its address, but that the route that the kernel made with it was deleted. */
function lostRoute({ host }: Scene, target: Target, bridge: LinkView | undefined): Finding | undefined {
  if (bridge?.isUp !== true || expectedLink(target, bridge.name) === undefined) return undefined;
  const held = host.addresses.find(
    ({ linkIndex, address }) => linkIndex === bridge.index && contains(subnetOf(address), target.ip),
  );
  if (held === undefined) return undefined;
  const subnet = subnetOf(held.address);
  const isThere = host.routes.some(
    ({ type, destination, nextHops }) =>
      type === 'unicast' &&
      destination === subnet &&
      nextHops.some(({ linkIndex }) => linkIndex === bridge.index),
  );
  if (isThere) return undefined;
  const own =
    familyOf(target.ip) === 4
      ? `proto kernel scope link src ${ipOf(held.address)}`
      : 'proto kernel metric 256';
  return found('route.none', {
    subject: `address ${target.ip}`,
    message: `the host has no route to ${subnet} by ${bridge.name}, which has ${held.address}, and so none to ${nameOf(target)}: it was deleted`,
    evidence: [fact('rtnetlink', `${host.id} routes`, `none to ${subnet} dev ${bridge.name}`)],
    fix: [
      target.network?.driver === 'tsnet'
        ? 'tsnet reconcile'
        : `ip route add ${shellWords(`${subnet} dev ${bridge.name} ${own}`)}`,
    ],
  });
}

function reversePathHop({ host }: Scene, { inLink = '', source }: Packet): Hop {
  const filter = effective(host, inLink, 'rp_filter');
  return bad(
    'route',
    found('route.reverse-path', {
      subject: `link ${inLink}`,
      message: `the host would answer ${source} by another link than ${inLink}: strict reverse path filtering drops what it sends`,
      evidence: [fact('sysctl', `net.ipv4.conf.${inLink}.rp_filter`, `${filter ?? 'not read'} (with all)`)],
      fix: [`sysctl -w ${shellWord(`net.ipv4.conf.${inLink}.rp_filter=2`)}`],
    }),
    'timeout',
  );
}

function filterHops({ scene, from, target }: Delivery, packet: Packet): Hop[] {
  const passage = pass(scene, scene.host, 'forward', packet);
  return firewallHopsOf(scene, passage, { scene, from, target, packet, hook: 'forward' });
}

/** The same, but a policy that drops because Docker's rules are gone is not the cause: that they are gone is. */
export function firewallHopsOf(
  scene: Scene,
  passage: Passage,
  place: Parameters<typeof firewallHops>[1],
): Hop[] {
  const hops = firewallHops(passage, place);
  const isPolicy = passage.blocks.some(
    ({ author, rule }) => author.startsWith('iptables') && rule === undefined,
  );
  const flushed = isPolicy ? flushFinding(scene, place.target.network) : undefined;
  if (flushed === undefined) return hops;
  return hops.map((hop) =>
    hop.findings.some(({ code }) => code === 'firewall.policy-drop' || code === 'firewall.legacy-drop')
      ? bad('firewall', flushed, 'timeout')
      : hop,
  );
}

/** Rules that would let the request pass but not the answer to it. */
function answerHops({ scene, from, target }: Delivery, { inLink, outLink, ...packet }: Packet): Hop[] {
  const { host } = scene;
  if (outLink === undefined || linkCalled(host, outLink) === undefined) return [];
  const answer: Packet = {
    family: packet.family,
    protocol: packet.protocol,
    source: target.ip,
    destination: packet.source,
    sourcePort: target.port,
    ...(packet.sourcePort === undefined ? {} : { destinationPort: packet.sourcePort }),
    inLink: outLink,
    ...(inLink === undefined ? {} : { outLink: inLink }),
    connection: 'established',
    localAddresses: packet.localAddresses,
  };
  const hook = inLink === undefined ? 'input' : 'forward';
  const passage = pass(scene, host, hook, answer);
  if (passage.blocks.length === 0) return [];
  const place = { scene, from, target, packet: answer, isAnswer: true, stage: 'way back', hook } as const;
  return firewallHopsOf(scene, passage, place).filter(({ state }) => state === 'bad');
}
