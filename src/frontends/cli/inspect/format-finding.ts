import type { Finding } from '../../../inspect/finding.ts';
import { painted, type Screen, type Tone } from './screen.ts';

const width = 100;

const marks: Readonly<Record<Finding['severity'], readonly [mark: string, tone: Tone]>> = {
  error: ['✗', 'bad'],
  warning: ['!', 'warning'],
  note: ['·', 'faint'],
};

/** A finding with its evidence and what mends it. */
export function findingLines(finding: Finding, screen: Screen): string[] {
  const [mark, tone] = marks[finding.severity];
  const [first = '', ...rest] = wrapped(`${finding.message}${finding.isCertain ? '' : ' (likely)'}`, 2);
  return [
    `${painted(screen, tone, mark)} ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...evidenceLines(finding).map((line) => painted(screen, 'faint', `    ${line}`)),
    ...finding.fix.map((command) => `  fix: ${command}`),
    ...(finding.hint === undefined
      ? []
      : wrapped(`hint: ${finding.hint}`, 4).map((line, at) => `${at === 0 ? '  ' : '    '}${line}`)),
  ];
}

/** The facts, one line each, with where they were read. */
export function evidenceLines({ evidence }: Finding): string[] {
  return evidence.map(({ source, object, fact }) => `${source}: ${object}: ${fact}`);
}

/** A text in lines that fit behind so many columns; words are not broken, so that names can be copied. */
export function wrapped(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width - indent) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
