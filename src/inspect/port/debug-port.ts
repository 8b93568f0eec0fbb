import { familyOf, TsnetError, type Ip } from '../../model/index.ts';
import type { Inspection } from '../inspection.ts';
import type { Packet } from '../rules/packet.ts';
import { arrive } from './arrival.ts';
import { causesOf } from './causes.ts';
import { findClaim, isAlive, type Claim } from './claims.ts';
import { askFromContainer } from './container-way.ts';
import { besidesHost, macvlanFinding, nameServiceFinding } from './driver-findings.ts';
import { goalFromContainer, goalFromHost } from './goals.ts';
import { bad, good } from './hop.ts';
import { findContainer, type Owned } from './lookup.ts';
import { formatIp, formatOrigin, formatPortQuestion, type Origin, type PortQuestion } from './question.ts';
import type { Hop, PortReport, Verdict, Way } from './report.ts';
import type { AskRoute } from './routing.ts';
import { localAddresses, sceneOf, type Scene } from './scene.ts';

/**
 * Follows packets for a port from each origin to the socket that takes them, and the answers back.
 *
 * @param askRoute how the kernel itself routes; default: what the tables say that were read
 * @throws not-found for a container that no engine knows
 */
export async function debugPort(
  inspection: Inspection,
  question: PortQuestion,
  askRoute?: AskRoute,
): Promise<PortReport> {
  const scene = sceneOf(inspection, askRoute);
  const wanted =
    question.container === undefined ? undefined : containerCalled(inspection, question.container);
  const claim = findClaim(inspection, question, wanted);
  const ways: Way[] = [];
  for (const origin of question.from) {
    const way = await wayFrom(scene, question, claim, origin);
    ways.push(way);
  }
  return {
    schema: 'tsnet.port/1',
    port: formatPortQuestion(question),
    verdict: worst(ways.map(({ verdict }) => verdict)),
    ways,
    causes: causesOf(ways),
  };
}

function containerCalled(inspection: Inspection, name: string): Owned {
  const found = findContainer(inspection, name);
  if (found !== undefined) return found;
  throw new TsnetError('not-found', `no engine knows a container ${name}`, {
    subject: name,
    hint: 'tsnet ps -a',
  });
}

async function wayFrom(
  scene: Scene,
  question: PortQuestion,
  claim: Claim | undefined,
  origin: Origin,
): Promise<Way> {
  const from = formatOrigin(origin);
  const published = publishedHops(claim);
  if (typeof origin !== 'string') {
    const asker = containerCalled(scene.inspection, origin.container);
    const { destination, port } = goalFromContainer(scene, question, claim, asker);
    const name = asker.container.name;
    const passed = await askFromContainer(
      { scene, question, from: name, ...(claim === undefined ? {} : { claim }) },
      asker,
      destination,
      port,
    );
    const extra = nameServiceFinding(scene.inspection, asker, claim?.owner);
    return wayOf(name, passed.source, destination, port, passed.by, [
      ...published,
      ...passed.hops,
      ...(extra === undefined
        ? []
        : [{ ...good('route', extra.message), state: 'surprising' as const, findings: [extra] }]),
    ]);
  }
  const goal = goalFromHost(scene, question, claim, origin);
  if (goal.hop !== undefined)
    return wayOf(from, goal.source, goal.destination, goal.port, 'direct', [goal.hop]);
  const packet: Packet = {
    family: familyOf(goal.destination),
    protocol: question.protocol,
    source: goal.source,
    destination: goal.destination,
    sourcePort: 49_152,
    destinationPort: goal.port,
    ...(goal.inLink === undefined ? {} : { inLink: goal.inLink }),
    connection: 'new',
    localAddresses: localAddresses(scene.host),
  };
  if (origin === 'lan') {
    const besides = await besidesHost(scene, goal.source, goal.destination, goal.port, question.protocol);
    if (besides !== undefined)
      return wayOf(from, goal.source, goal.destination, goal.port, 'direct', besides);
  }
  const child = macvlanFinding(scene, goal.destination, origin);
  const passed = await arrive({ scene, question, from, packet, ...(claim === undefined ? {} : { claim }) });
  return wayOf(from, goal.source, goal.destination, goal.port, passed.by, [
    ...published,
    ...(child === undefined
      ? passed.hops
      : [bad('route', child, 'unreachable'), ...passed.hops.filter(({ stage }) => stage === 'listens')]),
  ]);
}

function publishedHops(claim: Claim | undefined): Hop[] {
  if (claim?.binding === undefined || !isAlive(claim.owner.container)) return [];
  const { hostIp, hostPort, containerPort, protocol } = claim.binding;
  const { name } = claim.owner.container;
  const at = hostIp === undefined ? 'every address' : formatIp(hostIp);
  return [
    good('published', `${hostPort ?? 'a port'}/${protocol} on ${at} → ${name}:${containerPort}`, {
      source: claim.owner.engine.kind,
      object: `container ${name}`,
      fact: `HostIp ${hostIp ?? ''} HostPort ${hostPort ?? ''} for ${containerPort}/${protocol}`,
    }),
  ];
}

function wayOf(
  from: string,
  source: Ip,
  destination: Ip,
  port: number,
  by: Way['by'],
  hops: readonly Hop[],
): Way {
  const bads = hops.filter(({ state }) => state === 'bad');
  const [first] = bads;
  const isByDesign = bads.every(({ findings }) => findings.every(({ severity }) => severity === 'note'));
  const isUnsure = hops.some(({ state }) => state === 'unknown');
  const verdict =
    first === undefined ? (isUnsure ? 'unknown' : 'works') : isByDesign ? 'by-design' : 'broken';
  return {
    from,
    source,
    destination: `${formatIp(destination)}:${port}`,
    by,
    verdict,
    ...(first?.symptom === undefined ? {} : { symptom: first.symptom }),
    hops,
  };
}

function worst(verdicts: readonly Verdict[]): Verdict {
  const order: readonly Verdict[] = ['broken', 'by-design', 'unknown', 'works'];
  return order.find((each) => verdicts.includes(each)) ?? 'unknown';
}
