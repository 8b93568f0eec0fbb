import type { Ip } from '../../model/index.ts';
import type { SocketView } from '../../observe/host/snapshot.ts';
import type { Packet } from '../rules/packet.ts';
import { claimFinding, coversAddress, targetOfClaim, unclaimedFinding, type Claim } from './claims.ts';
import { deliver, firewallHopsOf } from './deliver.ts';
import { pass } from './firewall.ts';
import { bad, fact, found, good, surprising, unknown } from './hop.ts';
import { evidenceOf as socketEvidence, formatSocket } from './listener.ts';
import { bridgeOf, isLoopback, listenersOn, netnsOf, ownAddress, takes } from './lookup.ts';
import {
  noTranslationFinding,
  proxyGoneFinding,
  routeLocalnetFinding,
  staleTargetFinding,
} from './nat-findings.ts';
import type { PortQuestion } from './question.ts';
import { formatIp } from './question.ts';
import type { Hop, Way } from './report.ts';
import type { Scene } from './scene.ts';
import { staleFlowFinding } from './stale-flows.ts';
import { evidenceOf, whereOf } from './step-text.ts';
import { targetAt, type Target } from './target.ts';

/** A packet that comes to the host, or that the host itself sends. */
export interface Arrival {
  readonly scene: Scene;
  readonly question: PortQuestion;
  readonly claim?: Claim;
  readonly from: string;
  readonly packet: Packet;
}

type Passed = Pick<Way, 'by'> & { readonly hops: readonly Hop[] };

/** From the host's first rules to the end of the way. */
export async function arrive(arrival: Arrival): Promise<Passed> {
  const { scene, packet, from } = arrival;
  const { host } = scene;
  const isSent = packet.inLink === undefined;
  const hook = isSent ? 'output' : 'prerouting';
  const intended = targetAt(
    scene.inspection,
    packet.destination,
    packet.destinationPort ?? 0,
    arrival.question.protocol,
  );
  const passage = pass(scene, host, hook, packet);
  const place = { scene, from, target: intended, packet, hook } as const;
  const blocked = firewallHopsOf(scene, passage, place).filter(({ state }) => state === 'bad');
  const onward = passage.packet;
  const port = onward.destinationPort ?? packet.destinationPort ?? 0;
  if (onward.destination !== packet.destination || port !== packet.destinationPort) {
    return { by: 'translation', hops: [...blocked, ...(await translated(arrival, passage, onward, port))] };
  }
  if (!packet.localAddresses.includes(packet.destination) && !isLoopback(packet.destination)) {
    const hops = await deliver({ scene, from, packet, target: intended });
    return { by: 'direct', hops: [...blocked, ...hops] };
  }
  if (passage.walk === undefined) return await arriveUnseen(arrival);
  const local = await arriveHere(arrival);
  return { by: local.by, hops: [...blocked, ...local.hops] };
}

async function translated(
  arrival: Arrival,
  { walk }: ReturnType<typeof pass>,
  packet: Packet,
  port: number,
): Promise<Hop[]> {
  const { scene, question, claim, from } = arrival;
  const steps = walk?.steps.filter(({ outcome }) => outcome === 'translate-destination') ?? [];
  const step = steps.at(-1);
  const target = targetAt(scene.inspection, packet.destination, port, question.protocol);
  const label = `${step === undefined ? 'a rule' : whereOf(step)} → ${formatIp(packet.destination)}:${port}`;
  const wanted =
    claim === undefined ? undefined : targetOfClaim(scene.inspection, claim, question, packet.family);
  const isStale =
    (target.container === undefined && target.netns === undefined) ||
    (wanted?.container !== undefined &&
      target.container !== undefined &&
      wanted.container.id !== target.container.id);
  const claimed = claim && claimFinding(scene, claim, question);
  const stale = isStale && step !== undefined && claimed === undefined;
  const hop = stale
    ? bad('translation', staleTargetFinding(step, target, wanted), 'timeout')
    : good('translation', label, ...steps.map(evidenceOf));
  const localnet = isLoopback(packet.source) && !stale ? routeLocalnetFinding(scene, target) : undefined;
  const flow = staleFlowFinding(
    scene.inspection,
    packet.original ?? arrivalPort(arrival),
    question.protocol,
    target,
  );
  return [
    hop,
    ...(flow === undefined ? [] : [surprising('translation', flow)]),
    ...(localnet === undefined ? [] : [bad('route', localnet, 'timeout')]),
    ...(await deliver({
      scene,
      from,
      packet,
      target: stale && wanted !== undefined ? wanted : target,
      ...askerOf(scene, packet, target),
    })),
  ];
}

function arrivalPort({ packet }: Arrival): { readonly destination: Ip; readonly destinationPort?: number } {
  return {
    destination: packet.destination,
    ...(packet.destinationPort === undefined ? {} : { destinationPort: packet.destinationPort }),
  };
}

/** What the host itself sends to a container comes from its address on the bridge. */
function askerOf({ inspection, host }: Scene, packet: Packet, { network }: Target): { readonly asker?: Ip } {
  if (packet.inLink !== undefined) return {};
  const bridge = network && bridgeOf(inspection, network);
  const own = bridge && ownAddress(host, bridge, packet.family);
  return own === undefined ? {} : { asker: own };
}

/** The rules could not be read: what the engine says stands for them, and nothing is certain. */
async function arriveUnseen({ scene, question, claim, packet, from }: Arrival): Promise<Passed> {
  const hop = unknown('translation', 'the rules of the host could not be read: run this as root');
  const wrong = claim && claimFinding(scene, claim, question);
  if (wrong !== undefined) return { by: 'direct', hops: [hop, bad('published', wrong, 'refused')] };
  const target = claim && targetOfClaim(scene.inspection, claim, question, packet.family);
  if (target === undefined) return { by: 'direct', hops: [hop] };
  const onward = { ...packet, destination: target.ip, destinationPort: target.port };
  return { by: 'translation', hops: [hop, ...(await deliver({ scene, from, packet: onward, target }))] };
}

/** The packet is for an address of the host, and no rule leads it elsewhere: a socket of the host must take it. */
async function arriveHere(arrival: Arrival): Promise<Passed> {
  const { scene, question, claim, packet, from } = arrival;
  const { host, inspection } = scene;
  const onPort = listenersOn(host, question.protocol, packet.destinationPort ?? 0);
  const [socket] = onPort.filter((each) => takes(each, packet.destination));
  const wrong = claim && claimFinding(scene, claim, question);
  const filtered = packet.inLink === undefined ? [] : inputHops(arrival);
  if (socket === undefined)
    return { by: 'direct', hops: [...absentHops(arrival, onPort, wrong), ...filtered] };

  const command = socket.process?.command ?? '';
  const holder =
    socket.process === undefined
      ? unknown('held by', `${formatSocket(socket)}: whose it is could not be seen`)
      : good('held by', formatSocket(socket), socketEvidence(host, socket));
  const target = claim && targetOfClaim(inspection, claim, question, packet.family);
  const own = claim && netnsOf(inspection, claim.owner.container);
  const isServed = proxies.test(command) || socket.process === undefined;
  if (isServed && claim !== undefined && own !== host && wrong === undefined) {
    const proxied = target ?? targetOfClaim(inspection, claim, question, 4);
    const bridge = proxied?.network && bridgeOf(inspection, proxied.network);
    // What comes from the container's own network is left to the proxy on purpose, and so is loopback.
    const isLeft = packet.inLink === undefined || packet.inLink === bridge?.name;
    const missing = isLeft ? undefined : noTranslationFinding(scene, claim, proxied, packet, 'proxy');
    return {
      by: 'proxy',
      hops: [
        ...(missing === undefined ? [] : [surprising('translation', missing)]),
        ...filtered,
        holder,
        ...(proxied === undefined ? [] : await fromProxy(scene, proxied, packet, from)),
      ],
    };
  }
  if (claim === undefined || own === host) {
    return { by: 'direct', hops: [...filtered, holder] };
  }
  if (wrong !== undefined)
    return {
      by: 'direct',
      hops: [bad('published', wrong, wrong.code === 'port.taken' ? 'wrong server' : 'refused'), ...filtered],
    };
  if (isPlaceholder(socket, target)) {
    const missing = noTranslationFinding(scene, claim, target, packet, 'placeholder');
    return {
      by: 'direct',
      hops: [
        holder,
        bad('translation', missing, question.protocol === 'tcp' ? 'hangs' : 'timeout'),
        ...filtered,
        ...(target === undefined
          ? []
          : await deliver({
              scene,
              from,
              packet: { ...packet, destination: target.ip, destinationPort: target.port },
              target,
            })),
      ],
    };
  }
  return {
    by: 'direct',
    hops: [bad('held by', takenFinding(scene, claim, socket, question), 'wrong server'), ...filtered],
  };
}

/** Programs that take connections for a container and hand data on. A holder that could not be seen may be one. */
const proxies = /^(?:docker-proxy|rootlessport|rootlesskit|slirp4netns|pasta(?:\.avx2)?)$/;

/** Engines and tsnet keep a port from others by a socket that nobody reads. */
function isPlaceholder({ process }: SocketView, target: Target | undefined): boolean {
  const isOfTsnet = target?.network?.driver === 'tsnet';
  const holders = isOfTsnet ? /^(?:dockerd|tsnet|node|MainThread)$/ : /^(?:dockerd|conmon)$/;
  return holders.test(process?.command ?? '');
}

function takenFinding(
  { host }: Scene,
  { owner }: Claim,
  socket: SocketView,
  question: PortQuestion,
): ReturnType<typeof found> {
  const { port, protocol } = question;
  return found('port.taken', {
    subject: `port ${port}/${protocol}`,
    message: `${formatSocket(socket)} answers on port ${port}/${protocol} instead of ${owner.container.name}`,
    evidence: [socketEvidence(host, socket)],
    hint: `end ${socket.process?.command ?? 'that program'}, or publish another host port`,
  });
}

/** docker-proxy connects anew, from the host. */
async function fromProxy(scene: Scene, target: Target, packet: Packet, from: string): Promise<Hop[]> {
  const bridge = target.network && bridgeOf(scene.inspection, target.network);
  const family = target.ip.includes(':') ? 6 : 4;
  const source = (bridge && ownAddress(scene.host, bridge, family)) ?? target.ip;
  const { inLink: _, original: __, ...rest } = packet;
  const again: Packet = { ...rest, family, source, destination: target.ip, destinationPort: target.port };
  const passage = pass(scene, scene.host, 'output', {
    ...again,
    ...(bridge === undefined ? {} : { outLink: bridge.name }),
  });
  const blocked = firewallHopsOf(scene, passage, { scene, from, target, packet: again, hook: 'output' });
  const delivered = await deliver({ scene, from, packet: again, target });
  // The proxy accepts first and then fails to connect.
  return [...blocked.filter(({ state }) => state === 'bad'), ...delivered].map((hop) =>
    hop.symptom === 'refused' || hop.symptom === 'unreachable' ? { ...hop, symptom: 'reset' } : hop,
  );
}

function inputHops({ scene, from, question, packet }: Arrival): Hop[] {
  const passage = pass(scene, scene.host, 'input', packet);
  const target = { ip: packet.destination, port: question.port, protocol: question.protocol };
  return firewallHopsOf(scene, passage, { scene, from, target, packet, hook: 'input' });
}

/** No socket takes the packet, and no rule leads it on. */
function absentHops(
  { scene, question, claim, packet }: Arrival,
  onPort: readonly SocketView[],
  wrong: ReturnType<typeof claimFinding>,
): Hop[] {
  if (wrong !== undefined) return [bad('published', wrong, 'refused')];
  if (claim?.binding === undefined) {
    const [other] = onPort;
    if (other !== undefined && onPort.every(({ ip }) => isLoopback(ip)) && !isLoopback(packet.destination)) {
      return [bad('held by', hostLoopbackFinding(scene, question, other), 'refused')];
    }
    return [bad('published', unclaimedFinding(scene, question), 'refused')];
  }
  const { hostIp, hostPort } = claim.binding;
  const { destination } = packet;
  const name = claim.owner.container.name;
  if (hostIp !== undefined && !coversAddress(hostIp, destination)) {
    const isOtherFamily = hostIp.includes(':') !== destination.includes(':');
    return [
      bad(
        'published',
        found(isOtherFamily ? 'port.other-family' : 'port.other-host-address', {
          subject: `port ${question.port}/${question.protocol}`,
          message: `${hostPort ?? question.port} of ${name} is published on ${hostIp} only; who asks ${formatIp(destination)} is refused by the host itself`,
          evidence: [
            fact(claim.owner.engine.kind, `container ${name}`, `HostIp ${hostIp}`),
            ...onPort.map((each) => socketEvidence(scene.host, each)),
          ],
          hint: `make ${name} again with -p ${hostPort ?? question.port}:${claim.binding.containerPort} to answer on every address`,
        }),
        'refused',
      ),
    ];
  }
  const target = targetOfClaim(scene.inspection, claim, question, packet.family);
  if (isLoopback(destination)) {
    const gone = proxyGoneFinding(scene, claim, target, packet);
    if (gone !== undefined) return [bad('held by', gone, 'refused')];
  }
  return [bad('translation', noTranslationFinding(scene, claim, target, packet, 'nobody'), 'refused')];
}

function hostLoopbackFinding(
  { host }: Scene,
  { port, protocol }: PortQuestion,
  socket: SocketView,
): ReturnType<typeof found> {
  return found('listener.host-loopback-only', {
    subject: `port ${port}/${protocol}`,
    message: `the host's ${formatSocket(socket)} takes only what comes from the host itself`,
    evidence: [socketEvidence(host, socket)],
    hint: `let it listen on the address that is asked, or on 0.0.0.0`,
  });
}
