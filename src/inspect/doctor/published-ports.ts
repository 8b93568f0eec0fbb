import { isUnspecified } from '../../model/index.ts';
import type { PublishedView } from '../engines/container-view.ts';
import type { Finding } from '../finding.ts';
import { claimFinding, isAlive, targetOfClaim } from '../port/claims.ts';
import { listenerHop } from '../port/listener.ts';
import { allContainers, isLoopback, listenersOn, type Owned } from '../port/lookup.ts';
import { noTranslationFinding } from '../port/nat-findings.ts';
import type { PortQuestion } from '../port/question.ts';
import { findUplink, type Scene } from '../port/scene.ts';
import { findTranslations } from '../rules/find-translations.ts';
import type { Check } from './check.ts';
import type { Port } from '../../model/index.ts';

/** Published ports of running containers that lead nowhere. */
export const publishedPorts: Check = {
  name: 'published ports',
  find: (scene) =>
    allContainers(scene.inspection)
      .filter(({ container }) => isAlive(container))
      .flatMap((owner) => bindingsOf(owner).flatMap((binding) => findingsOf(scene, owner, binding))),
};

/** Each container port once: what is published for both families leads to the same socket. */
function bindingsOf({ container }: Owned): PublishedView[] {
  const all = [...container.publishedPorts, ...container.requestedPorts];
  const keyOf = ({ protocol, containerPort }: PublishedView) => `${containerPort}/${protocol}`;
  return [...new Map(all.toReversed().map((each) => [keyOf(each), each])).values()];
}

function findingsOf(scene: Scene, owner: Owned, binding: PublishedView): Finding[] {
  const { protocol, containerPort, hostPort, hostIp } = binding;
  const question: PortQuestion = {
    protocol,
    port: containerPort as Port,
    container: owner.container.name,
    from: [],
  };
  const claim = { owner, binding };
  const wrong = claimFinding(scene, claim, question);
  if (wrong !== undefined) return [wrong];
  const target = targetOfClaim(scene.inspection, claim, question, 4);
  if (target === undefined) return [];
  const found: Finding[] = [...listenerHop(scene.inspection, target).findings];
  const rules = scene.rulesOf(scene.host);
  const uplink = findUplink(scene.host, 4);
  const isOpen = hostIp === undefined || (isUnspecified(hostIp) && !isLoopback(hostIp));
  if (rules === undefined || uplink === undefined || hostPort === undefined || !isOpen || protocol === 'sctp')
    return found;
  if (
    findTranslations(rules, { protocol, port: hostPort }).some(
      ({ translated }) => translated.ip === target.ip,
    )
  )
    return found;
  if (target.network?.driver !== 'bridge' && target.network?.driver !== 'tsnet') return found;
  const isProxied = listenersOn(scene.host, protocol, hostPort).some(
    ({ process }) => process?.command === 'docker-proxy',
  );
  const packet = {
    family: 4,
    protocol,
    source: uplink.client,
    destination: uplink.ip,
    destinationPort: hostPort,
    connection: 'new',
    localAddresses: [],
  } as const;
  return [...found, noTranslationFinding(scene, claim, target, packet, isProxied ? 'proxy' : 'nobody')];
}
