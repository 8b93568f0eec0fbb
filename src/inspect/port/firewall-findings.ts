import type { Finding } from '../finding.ts';
import type { Packet, Step } from '../rules/packet.ts';
import { designFinding, isOfEngine } from './design-findings.ts';
import { found } from './hop.ts';
import type { Symptom } from './report.ts';
import type { Scene } from './scene.ts';
import { shellWord } from './shell-word.ts';
import { evidenceOf, whereOf } from './step-text.ts';
import type { Target } from './target.ts';

/** What is known of the packet that a rule ends. */
export interface BlockPlace {
  readonly scene: Scene;
  readonly packet: Packet;
  /** Who sends it, in a word. */
  readonly from: string;
  readonly target: Target;
  /** Whether it is the answer that is ended. */
  readonly isAnswer?: boolean;
}

/** Why a rule or policy ends a packet, and the command that lets it pass. */
export function blockFinding(step: Step, place: BlockPlace): Finding {
  if (isOfEngine(step, place)) return designFinding(step, place);
  if (step.author === 'iptables-legacy') return legacyFinding(step, place);
  if (step.author === 'nftables') return foreignFinding(step, place);
  if (step.rule === undefined) return policyFinding(step, place);
  const isUser = step.chain === 'DOCKER-USER';
  return ruleFinding(isUser ? 'firewall.user-drop' : 'firewall.rule-drop', step, place);
}

/** What the sender sees when a rule ends its packet. */
export function symptomOf({ outcome }: Step, { protocol }: Packet): Symptom {
  if (outcome !== 'reject') return 'timeout';
  return protocol === 'tcp' ? 'refused' : 'unreachable';
}

/** The rule as it is written, and what it stands in the way of. */
function ruleFinding(code: string, step: Step, { packet, target, isAnswer }: BlockPlace): Finding {
  const isUfw = step.chain.startsWith('ufw');
  const translated =
    packet.original?.destinationPort !== undefined && packet.original.destinationPort !== target.port
      ? `rules here see the container's port ${target.port}, not ${packet.original.destinationPort}`
      : undefined;
  const hint = isUfw
    ? `in the words of ufw: ufw route allow proto ${packet.protocol} to ${target.ip} port ${target.port}`
    : translated;
  return found(code, {
    subject: `${step.table}/${step.chain}`,
    message: `${isAnswer === true ? 'the answer is' : 'the packet is'} ${verb(step)} by ${whereOf(step)} "${textOf(step)}"${counterOf(step)}`,
    isCertain: step.isCertain,
    evidence: [evidenceOf(step)],
    fix: step.removal === undefined ? [] : [step.removal],
    ...(hint === undefined ? {} : { hint }),
  });
}

function policyFinding(step: Step, place: BlockPlace): Finding {
  const { packet } = place;
  const tool = step.family === 'ip6' ? 'ip6tables' : 'iptables';
  const isForward = step.hook === 'forward';
  const link = packet.inLink === undefined ? '' : ` -i ${shellWord(packet.inLink)}`;
  return found('firewall.policy-drop', {
    subject: `${step.table}/${step.chain}`,
    message: `no rule of ${step.table}/${step.chain} accepts ${wordsOf(place)}, and its policy is DROP`,
    isCertain: step.isCertain,
    evidence: [evidenceOf(step)],
    fix: isForward
      ? forwardAcceptance(tool, packet)
      : [
          `${tool} -I ${step.chain}${link} -p ${packet.protocol} --dport ${packet.destinationPort ?? 0} -j ACCEPT`,
        ],
  });
}

/** What lets a bridge's packets pass in both directions. */
function forwardAcceptance(tool: string, { inLink, outLink }: Packet): string[] {
  if (inLink === undefined || outLink === undefined) return [];
  const [one, other] = [shellWord(inLink), shellWord(outLink)];
  const there = `${tool} -I FORWARD -i ${one} -o ${other} -j ACCEPT`;
  return one === other ? [there] : [there, `${tool} -I FORWARD -i ${other} -o ${one} -j ACCEPT`];
}

function legacyFinding(step: Step, place: BlockPlace): Finding {
  const tool = step.family === 'ip6' ? 'ip6tables-legacy' : 'iptables-legacy';
  return found('firewall.legacy-drop', {
    subject: `${step.table}/${step.chain}`,
    message: `two firewalls are active: the legacy table ${step.table} ${verb(step)} ${wordsOf(place)} in ${step.chain} ${step.rule === undefined ? 'by policy' : `by rule ${step.rule.position} "${textOf(step)}"`}`,
    isCertain: step.isCertain,
    evidence: [evidenceOf(step)],
    fix:
      step.rule === undefined
        ? [`${tool} -P ${shellWord(step.chain)} ACCEPT`]
        : step.removal === undefined
          ? []
          : [step.removal],
    hint: `iptables -L does not show it: ${tool} -S`,
  });
}

function foreignFinding(step: Step, place: BlockPlace): Finding {
  const { packet } = place;
  const chain = `${step.family} ${shellWord(step.table)} ${shellWord(step.chain)}`;
  const accept = (match: string) => `nft insert rule ${chain} ${match} accept`;
  const links = [...new Set([packet.outLink, packet.inLink])].filter((link) => link !== undefined);
  // The link of the container side: what a firewall lets pass there lets pass both directions.
  const inner = place.isAnswer === true ? packet.inLink : packet.outLink;
  const passes =
    step.hook === 'forward' && step.family !== 'bridge'
      ? (inner === undefined ? links : [inner]).flatMap((link) => [
          accept(`iifname ${quoted(link)}`),
          accept(`oifname ${quoted(link)}`),
        ])
      : packet.destinationPort === undefined
        ? []
        : [accept(`${packet.protocol} dport ${packet.destinationPort}`)];
  const others = place.scene.rulesOf(place.scene.host)?.tables.some(({ chains }) => chains.has('DOCKER'));
  return found(step.family === 'bridge' ? 'firewall.bridge-drop' : 'firewall.foreign-drop', {
    subject: `table ${step.family} ${step.table}`,
    message: `${others === true ? 'Docker lets it pass, but ' : ''}table "${step.family} ${step.table}" chain "${step.chain}" (${step.hook}, priority ${step.priority}) ${verb(step)} ${wordsOf(place)} ${step.rule === undefined ? 'by policy' : `by "${textOf(step)}"${counterOf(step)}`}`,
    isCertain: step.isCertain,
    evidence: [evidenceOf(step)],
    fix: step.rule === undefined || step.removal === undefined ? passes : [step.removal],
    hint: 'every base chain of a hook is asked: an acceptance in one does not end the others',
  });
}

function wordsOf({ from, target, isAnswer }: BlockPlace): string {
  const way = `${from} → ${target.ip}:${target.port}`;
  return isAnswer === true ? `the answer to ${way}` : way;
}

function verb({ outcome, rule }: Step): string {
  if (rule === undefined) return 'drops';
  return outcome === 'reject' ? 'rejected' : 'dropped';
}

function textOf({ rule }: Step): string {
  return rule?.text ?? '';
}

function counterOf({ rule }: Step): string {
  if (rule?.packets === undefined) return '';
  return ` (${rule.packets} packets, ${rule.bytes ?? 0} bytes)`;
}

/** A link's name as a string of nft(8), in quotes that the shell keeps. */
function quoted(name: string): string {
  return `'"${name.replaceAll(/["'\\]/g, '')}"'`;
}
