import { contains, type Ip } from '../../model/index.ts';
import type { NetworkView } from '../engines/container-view.ts';
import type { Finding } from '../finding.ts';
import type { Step } from '../rules/packet.ts';
import type { BlockPlace } from './firewall-findings.ts';
import { connectCommand } from './engine-commands.ts';
import { found } from './hop.ts';
import { allContainers, bridgeOf, engineKindOf, networkById } from './lookup.ts';
import { evidenceOf, whereOf } from './step-text.ts';
import { nameOf } from './target.ts';

/** Whether a rule is one that an engine or tsnet makes to keep networks apart. */
export function isOfEngine({ author, table, chain, rule }: Step, { packet }: BlockPlace): boolean {
  if (rule === undefined || chain === 'DOCKER-USER') return false;
  if (author === 'nftables') return /^(?:tsnet|docker-bridges|netavark)$/.test(table);
  if (/^(?:DOCKER|TSNET|NETAVARK)/.test(chain)) return true;
  const { text } = rule;
  const isDirectGuard =
    table === 'raw' &&
    chain === 'PREROUTING' &&
    / ! -i \S+/.test(text) &&
    text.includes(` -d ${packet.destination}`);
  const isIccGuard =
    chain === 'FORWARD' &&
    packet.inLink === packet.outLink &&
    text.includes(`-i ${packet.inLink} -o ${packet.outLink}`);
  return isDirectGuard || isIccGuard;
}

/** Why a rule of the engine itself ends the packet: that is how it was set up. */
export function designFinding(step: Step, place: BlockPlace): Finding {
  const { scene, packet, target, from } = place;
  const inspection = scene.inspection;
  const name = nameOf(target);
  const evidence = [evidenceOf(step)];
  const own = networkHolding(place, packet.destination);
  const asker = networkHolding(place, packet.source);
  const note = { severity: 'note' as const, evidence };
  if (own !== undefined && own.id === asker?.id && !own.isInternal) {
    return found('network.icc-off', {
      ...note,
      subject: `network ${own.name}`,
      message: `network ${own.name} keeps its containers apart (enable_icc is off): ${from} may not talk to ${name}; ${whereOf(step)} drops it`,
      hint: 'this is a setting and no defect; use another network, or make it again without the option',
    });
  }
  if (asker !== undefined && own !== undefined && asker.id !== own.id) {
    return isolatedFinding(place, own, asker, evidence);
  }
  if (own?.isInternal === true) return internalFinding(place, own, evidence);
  const bridge = own && bridgeOf(inspection, own);
  return found('port.direct-access', {
    ...note,
    subject: `${target.container === undefined ? 'address' : 'container'} ${name}`,
    message: `${from} asks ${name} at its own address ${packet.destination}: ${whereOf(step)} drops what comes from outside${bridge === undefined ? '' : ` of ${bridge.name}`} and is not published`,
    hint: `publish the port with -p, or make the network with gateway mode "routed" or "nat-unprotected"`,
  });
}

/** Two containers that share no network. */
export function isolatedFinding(
  { scene, from, target }: Pick<BlockPlace, 'scene' | 'from' | 'target'>,
  own: NetworkView,
  asker: NetworkView,
  evidence: Finding['evidence'],
): Finding {
  const name = nameOf(target);
  const { inspection } = scene;
  const sender = allContainers(inspection).find(({ container }) => container.name === from);
  return found('network.isolated', {
    severity: 'note',
    subject: `${target.container === undefined ? 'address' : 'container'} ${name}`,
    message: `${from} (network ${asker.name}) and ${name} (network ${own.name}) have no network in common; networks are kept apart`,
    evidence,
    fix: connectCommand(sender?.engine.kind, { name: own.name, engine: engineKindOf(inspection, own) }, from),
    hint: `then ask ${name}:${target.port}; a published port of the host can be reached from any network`,
  });
}

/** A network that nothing enters or leaves. */
export function internalFinding(
  { target }: Pick<BlockPlace, 'target'>,
  network: NetworkView,
  evidence: Finding['evidence'],
): Finding {
  const name = nameOf(target);
  return found('network.internal', {
    severity: 'note',
    subject: `network ${network.name}`,
    message: `network ${network.name} is internal: published ports of ${name} are ignored, and there is no way in or out`,
    evidence,
    fix: [],
    hint: `this host itself still reaches ${target.ip}:${target.port}; for others connect ${name} to a second network that is not internal`,
  });
}

/** The network of an engine whose range holds an address. */
function networkHolding({ scene }: BlockPlace, ip: Ip): NetworkView | undefined {
  const { inspection } = scene;
  const owner = allContainers(inspection)
    .flatMap(({ container }) => container.attachments)
    .find(({ addresses }) => addresses.includes(ip));
  if (owner !== undefined) return networkById(inspection, owner.networkId);
  return inspection.engines
    .flatMap(({ networks }) => networks)
    .find(
      ({ driver, subnets }) => driver !== 'macvlan' && subnets.some(({ subnet }) => contains(subnet, ip)),
    );
}
