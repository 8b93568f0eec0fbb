import type { Step } from './packet.ts';

/**
 * Where a rule stands and what it says, on one line: `iptables filter DOCKER-USER rule 1: -A DOCKER-USER -j DROP`,
 * `nft inet corp guard policy drop`. Names in it are as others chose them.
 */
export function describeRule(
  step: Pick<Step, 'author' | 'family' | 'table' | 'chain' | 'rule' | 'outcome'>,
): string {
  const { author, family, table, chain, rule, outcome } = step;
  const place = `${programOf(author, family)} ${table} ${chain}`;
  return rule === undefined ? `${place} policy ${outcome}` : `${place} rule ${rule.position}: ${rule.text}`;
}

function programOf(author: Step['author'], family: string): string {
  if (author === 'nftables') return `nft ${family}`;
  const name = family === 'ip6' ? 'ip6tables' : 'iptables';
  return author === 'iptables-legacy' ? `${name}-legacy` : name;
}
