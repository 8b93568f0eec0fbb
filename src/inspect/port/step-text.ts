import type { Evidence } from '../finding.ts';
import type { Step } from '../rules/packet.ts';
import { fact } from './hop.ts';

/** A step as people name it: `filter/DOCKER-USER rule 1`, `inet corp guard policy`. */
export function whereOf({ author, family, table, chain, rule }: Step): string {
  const place = author === 'nftables' ? `${family} ${table}/${chain}` : `${table}/${chain}`;
  return rule === undefined ? `${place} by policy` : `${place} rule ${rule.position}`;
}

/** A step as evidence, with its counter. */
export function evidenceOf(step: Step): Evidence {
  const { author, family, table, chain, rule } = step;
  const count = rule?.packets === undefined ? '' : ` (${rule.packets} packets, ${rule.bytes ?? 0} bytes)`;
  return fact(
    author,
    `${family} ${table} ${chain}${rule === undefined ? ' policy' : ` rule ${rule.position}`}`,
    `${rule?.text ?? step.outcome}${count}`,
  );
}
