import type { Cause, Hop, PortReport, Way } from '../../../inspect/port/index.ts';
import { evidenceLines, wrapped } from './format-finding.ts';
import { painted, type Screen, type Tone } from './screen.ts';

const marks: Readonly<Record<Hop['state'], readonly [mark: string, tone: Tone]>> = {
  good: ['✓', 'good'],
  bad: ['✗', 'bad'],
  surprising: ['!', 'warning'],
  unknown: ['?', 'warning'],
};

const verdicts: Readonly<Record<PortReport['verdict'], readonly [mark: string, text: string, tone: Tone]>> = {
  works: ['✓', 'works', 'good'],
  broken: ['✗', 'is broken', 'bad'],
  'by-design': ['!', 'does not answer, by design', 'warning'],
  unknown: ['?', 'could not be told', 'warning'],
};

/** The verdict, the causes with what mends them, and each way hop by hop. */
export function portLines(report: PortReport, screen: Screen): string[] {
  const [mark, text, tone] = verdicts[report.verdict];
  return [
    painted(screen, tone, `${mark} ${report.port} ${text}`) + originsOf(report),
    ...report.causes.flatMap((cause, index) => [
      '',
      ...causeLines(cause, index + 1, report.causes.length, screen),
    ]),
    ...report.ways.flatMap((way) => ['', ...wayLines(way, screen)]),
  ];
}

/** From where it works and from where not, when that differs. */
function originsOf({ ways }: PortReport): string {
  const states = ways.map(({ from, verdict, symptom }) => {
    if (verdict === 'works') return `from ${from}: works`;
    return `from ${from}: ${symptom ?? 'could not be told'}`;
  });
  return states.length === 0 ? '' : `   ${states.join(', ')}`;
}

function causeLines(
  { finding, from, isInTheWay, next }: Cause,
  number: number,
  count: number,
  screen: Screen,
): string[] {
  const label = finding.severity === 'note' ? 'By design' : isInTheWay ? 'Cause' : 'Note';
  const title = count > 1 ? `${label} ${number}` : label;
  return [
    ...field(title, wrapped(`${finding.message}.`, 14), screen),
    ...evidenceLines(finding).map((line) => painted(screen, 'faint', `              ${line}`)),
    ...finding.fix.flatMap((command, index) => field(index === 0 ? 'Fix' : '', [command], screen)),
    ...(finding.hint === undefined ? [] : field('Hint', wrapped(finding.hint, 14), screen)),
    ...field('Sure', [finding.isCertain ? 'yes' : 'no: the facts leave other explanations'], screen),
    ...(isInTheWay ? field('Then', wrapped(`${next} (from ${from.join(', ')})`, 14), screen) : []),
  ];
}

function field(name: string, lines: readonly string[], screen: Screen): string[] {
  return lines.map((line, index) =>
    index === 0 ? `  ${painted(screen, 'strong', name.padEnd(12))}${line}` : `              ${line}`,
  );
}

function wayLines({ from, source, destination, by, hops }: Way, screen: Screen): string[] {
  const how = by === 'proxy' ? ' through docker-proxy' : '';
  return [
    painted(screen, 'strong', `  ${from}  ${source} → ${destination}${how}`),
    ...hops.flatMap(({ stage, state, message }) => {
      const [mark, tone] = marks[state];
      const [first = '', ...rest] = wrapped(message, 18);
      return [
        `  ${painted(screen, tone, mark)} ${stage.padEnd(14)}${first}`,
        ...rest.map((line) => `                  ${line}`),
      ];
    }),
  ];
}
