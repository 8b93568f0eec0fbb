import { fact, found } from '../port/hop.ts';
import { sysctl } from '../port/scene.ts';
import type { Check } from './check.ts';

/** From here on it is a matter of minutes. */
const fullAt = 0.9;

/** A table of tracked connections that is full: new ones are dropped. */
export const conntrackTable: Check = {
  name: 'connection tracking',
  find: ({ host }) => {
    const most = Number(sysctl(host, 'netfilter/nf_conntrack_max') ?? 0);
    const count = Number(sysctl(host, 'netfilter/nf_conntrack_count') ?? 0);
    if (!(most > 0) || count < most * fullAt) return [];
    return [
      found('conntrack.full', {
        severity: count >= most ? 'error' : 'warning',
        subject: 'host',
        message: `the table of tracked connections is ${count >= most ? 'full' : 'nearly full'}: ${count} of ${most}; new connections are dropped at random`,
        evidence: [fact('sysctl', 'net.netfilter.nf_conntrack_count', `${count} of ${most}`)],
        fix: [`sysctl -w net.netfilter.nf_conntrack_max=${most * 2}`],
        hint: 'containers with very many short connections can use the host network, or notrack rules',
      }),
    ];
  },
};
