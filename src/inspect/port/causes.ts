import type { Finding } from '../finding.ts';
import type { Cause, Hop, Symptom, Way } from './report.ts';

/** Every finding once: what is in the way before what surprises, certain before likely, then in the order of the way. */
export function causesOf(ways: readonly Way[]): Cause[] {
  const causes = new Map<string, { finding: Finding; from: string[]; isInTheWay: boolean; next: string }>();
  for (const way of ways) {
    const bads = way.hops.filter(({ state }) => state === 'bad');
    for (const hop of way.hops) {
      for (const finding of hop.findings) {
        const key = keyOf(finding);
        const isInTheWay = hop.state === 'bad';
        const known = causes.get(key);
        if (known === undefined) {
          causes.set(key, { finding, from: [way.from], isInTheWay, next: nextOf(bads, hop) });
        } else {
          if (!known.from.includes(way.from)) known.from.push(way.from);
          if (isInTheWay && !known.isInTheWay) Object.assign(known, { isInTheWay, finding });
        }
      }
    }
  }
  const rank = ({ finding, isInTheWay }: Cause) => (isInTheWay ? 0 : 2) + (finding.isCertain ? 0 : 1);
  return [...causes.values()].toSorted((one, other) => rank(one) - rank(other));
}

/** What one repair mends. */
function keyOf({ code, subject, fix }: Finding): string {
  return [code, subject, ...fix].join('\n');
}

const symptoms: Readonly<Record<Symptom, string>> = {
  refused: 'the connection would be refused',
  reset: 'the connection would be accepted and closed at once',
  timeout: 'there would be no answer (timeout)',
  unreachable: 'the host would say that it is unreachable',
  hangs: 'the connection would be accepted and never answered',
  'wrong server': 'another server would answer',
};

/** What the asker sees once a hop is repaired, and all before it. */
function nextOf(bads: readonly Hop[], hop: Hop): string {
  if (hop.state !== 'bad') return 'it works as before';
  const mended = new Set(hop.findings.map(keyOf));
  const next = bads
    .slice(bads.indexOf(hop) + 1)
    .find(({ findings }) => findings.some((finding) => !mended.has(keyOf(finding))));
  return next?.symptom === undefined ? 'no further fault is found on this way' : symptoms[next.symptom];
}
