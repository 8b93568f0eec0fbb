import { familyOf, type Ip } from '../../model/index.ts';
import type { Hook, Packet } from '../rules/packet.ts';
import { firewallHops, pass } from './firewall.ts';
import { good, unknown } from './hop.ts';
import { ipsOf, linkWith } from './lookup.ts';
import type { Hop } from './report.ts';
import type { Scene } from './scene.ts';
import { evidenceOf, whereOf } from './step-text.ts';
import { insideOf, nameOf, type Target } from './target.ts';

/** A packet at the namespace of a container, and whose it is. */
interface Visit {
  readonly scene: Scene;
  readonly from: string;
  readonly target: Target;
  readonly packet: Packet;
}

/**
 * What the rules in the namespace of the target do to a packet that has come to it, where they were read: they may end it,
 * or turn it to another port, as a side-car proxy's do.
 *
 * @returns the target as the sockets there see it
 */
export function enter(visit: Visit): { readonly hops: readonly Hop[]; readonly target: Target } {
  const { scene, target, packet } = visit;
  const { netns } = target;
  const link = netns && linkWith(netns, target.ip);
  if (netns === undefined || link === undefined || scene.rulesOf(netns) === undefined) {
    return { hops: [], target };
  }
  const { inPort: _port, outLink: _link, ...rest } = packet;
  const own = ipsOf(netns);
  const arrived: Packet = { ...rest, destination: target.ip, inLink: link.name, localAddresses: own };
  const before = pass(scene, netns, 'prerouting', arrived);
  const { destination, destinationPort: port = target.port } = before.packet;
  const turn = before.walk?.steps.findLast(({ translated }) => translated !== undefined);
  const evidence = turn === undefined ? [] : [evidenceOf(turn)];
  const where = turn === undefined ? 'a rule' : whereOf(turn);
  const ended = blocksOf(visit, arrived, 'prerouting');
  if (!own.includes(destination)) {
    const on = unknown('container', `inside ${nameOf(target)} ${where} sends it on to ${destination}`);
    return { hops: [...ended, { ...on, evidence }], target };
  }
  const turned =
    port === target.port
      ? []
      : [good('container', `inside ${nameOf(target)} ${where} turns it to port ${port}`, ...evidence)];
  return {
    hops: [...ended, ...turned, ...blocksOf(visit, before.packet, 'input')],
    target: port === target.port ? target : { ...target, port },
  };
}

/** What ends a packet in the namespace that it is sent from: of who asks, or of who answers. */
export function leave(visit: Visit & { readonly isAnswer?: boolean }): Hop[] {
  const { scene, target, packet } = visit;
  const { netns } = target;
  const link = netns && linkWith(netns, target.ip);
  if (netns === undefined || link === undefined || scene.rulesOf(netns) === undefined) return [];
  const { inPort: _port, inLink: _link, ...rest } = packet;
  return blocksOf(visit, { ...rest, outLink: link.name, localAddresses: ipsOf(netns) }, 'output');
}

/** The answer to a packet, as the target sends it to the asker. */
export function answerTo(packet: Packet, { ip, port }: Target, asker: Ip): Packet {
  const { family: _family, ...rest } = packet;
  return {
    ...rest,
    family: familyOf(ip),
    source: ip,
    destination: asker,
    sourcePort: port,
    ...(packet.sourcePort === undefined ? {} : { destinationPort: packet.sourcePort }),
    connection: 'established',
  };
}

/** A bad hop for everything that ends the packet at a hook; nothing where it goes on. */
function blocksOf(
  { scene, from, target, isAnswer = false }: Visit & { readonly isAnswer?: boolean },
  packet: Packet,
  hook: Hook,
): Hop[] {
  const { netns } = target;
  if (netns === undefined) return [];
  const passage = pass(scene, netns, hook, packet);
  if (passage.blocks.length === 0) return [];
  const stage = isAnswer ? 'way back' : 'container';
  const hops = firewallHops(passage, { scene, from, target, packet, hook, stage, isAnswer });
  return hops.map((hop) => ({
    ...hop,
    message: `inside ${nameOf(target)} ${hop.message}`,
    findings: hop.findings.map((finding) => ({
      ...finding,
      message: `inside ${nameOf(target)} ${finding.message}`,
      fix: finding.fix.map((command) => `${insideOf(target)}${command}`),
    })),
  }));
}
