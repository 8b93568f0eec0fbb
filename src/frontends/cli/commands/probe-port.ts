import type { Inspection } from '../../../inspect/inspection.ts';
import { formatOrigin, type PortQuestion } from '../../../inspect/port/question.ts';
import type { PortReport } from '../../../inspect/port/index.ts';
import {
  probe,
  probeTarget,
  type PacketFate,
  type ProbeOptions,
  type ProbeOrigin,
  type ProbeResult,
} from '../../../inspect/probe/index.ts';
import { familyOf, printable, toTsnetError } from '../../../model/index.ts';

/** What the attempts for a question showed. */
export interface ProbeReport {
  readonly results: readonly OriginResult[];
  /** Attempts that could not be made, and why. */
  readonly notes: readonly string[];
}

/** An attempt, and which place of the question it stands for. */
export interface OriginResult extends ProbeResult {
  readonly origin: string;
}

/** Makes a real attempt from each place that a question names, one after the other. */
export async function probePort(
  inspection: Inspection,
  question: PortQuestion,
  options: ProbeOptions = {},
): Promise<ProbeReport> {
  const results: OriginResult[] = [];
  const notes: string[] = [];
  for (const origin of question.from) {
    // What comes in by a link can't be made up here.
    const from: ProbeOrigin = origin === 'lan' ? 'host' : origin;
    if (origin === 'lan')
      notes.push('no probe can be sent from the LAN here; this host was asked by its own address');
    try {
      const result = await probe(inspection, probeTarget(inspection, question, from), from, options);
      results.push({ ...result, origin: formatOrigin(origin) });
    } catch (error) {
      notes.push(`probe from ${printable(formatOrigin(origin))}: ${toTsnetError(error).message}`);
    }
  }
  return { results, notes };
}

/**
 * Where an attempt failed though everything that was read lets it pass: the attempt is the better witness. One that
 * stands for the LAN came another way and decides nothing.
 */
export function refutedOrigins({ ways }: PortReport, { results }: ProbeReport): string[] {
  return results.flatMap(({ origin, outcome }) => {
    const way = ways.find(({ from }) => from === origin);
    const isRefuted =
      origin !== 'lan' && way?.verdict === 'works' && outcome !== 'ok' && outcome !== 'closed';
    return isRefuted ? [origin] : [];
  });
}

/** Attempts as lines of text. */
export function probeLines({ results, notes }: ProbeReport): string[] {
  return [...results.flatMap(resultLines), ...notes.map((note) => `note: ${printable(note)}`)];
}

const marks: Readonly<Record<ProbeResult['outcome'], string>> = {
  ok: '✓',
  refused: '✗',
  reset: '✗',
  closed: '!',
  timeout: '✗',
  unreachable: '✗',
  denied: '✗',
};

function resultLines(result: ProbeResult): string[] {
  const { outcome, errno, milliseconds, target, from, packet, answer, rules = [], setUp, gaps } = result;
  const ip = familyOf(target.ip) === 6 ? `[${target.ip}]` : target.ip;
  const why = errno === undefined ? '' : ` (${errno})`;
  const dropped = rules.filter(({ verdict }) => verdict === 'drop');
  return [
    `${marks[outcome]} probe from ${from} to ${ip}:${target.port}/${target.protocol}: ${outcome}${why} after ${milliseconds.toFixed(1)} ms`,
    ...fateLines('packet', packet),
    ...fateLines('answer', answer),
    ...dropped.map(
      ({ family, table, chain, kind, text, isAnswer }) =>
        `    ${kind === 'policy' ? 'policy' : 'rule'} ${family} ${table} ${chain}${text === undefined ? '' : `: ${text}`} dropped the ${isAnswer ? 'answer' : 'packet'}`,
    ),
    // Where it succeeded nobody asks what became of the packet.
    ...(outcome === 'ok' ? [] : gaps.map((gap) => `    not seen: ${gap}`)),
    `    set up and removed: ${setUp.join(', ')}`,
  ].map(printable);
}

function fateLines(what: string, fate: PacketFate | undefined): string[] {
  if (fate === undefined) return [];
  const { steps, drop, isCertain } = fate;
  // A packet that leaves by a veth is received at its other end at once: one name for each link is enough.
  const links = steps.map(({ link }) => link).filter((link, index, all) => link !== all[index - 1]);
  const sure = isCertain ? '' : ' (not certain: another packet may have been taken for it)';
  const way = `    ${what}: ${links.join(' → ')}`;
  if (drop === undefined) return [`${way}${sure}`];
  const place = drop.after === undefined ? 'before it came to a link' : `after ${drop.after}`;
  const meaning = drop.meaning === undefined ? '' : `: ${drop.meaning}`;
  return [
    ...(links.length === 0 ? [] : [way]),
    `    ${what} dropped ${place}${meaning} [${drop.reason} in ${drop.location}]${sure}`,
  ];
}
