import { protocolNumbers } from '../../model/index.ts';
import { findTranslations } from '../rules/find-translations.ts';
import { ipsOf } from '../port/lookup.ts';
import { staleFlow } from '../port/stale-flows.ts';
import type { Check } from './check.ts';
import type { Finding } from '../finding.ts';

/** Flows of UDP that go on as rules had it that are there no more. */
export const staleFlows: Check = {
  name: 'stale flows',
  find: ({ host, rulesOf }) => {
    const rules = rulesOf(host);
    if (rules === undefined) return [];
    const own = new Set(ipsOf(host));
    const told = new Map<number, Finding>();
    for (const flow of host.flows ?? []) {
      const { destination, destinationPort: port } = flow.original;
      if (flow.protocol !== protocolNumbers.udp || port === undefined || destination === undefined) continue;
      if (!own.has(destination) || told.has(port)) continue;
      const ends = findTranslations(rules, { protocol: 'udp', port }).flatMap(
        ({ translated }) => translated.ip ?? [],
      );
      const [current] = ends;
      if (current === undefined || ends.some((ip) => ip === flow.reply.source)) continue;
      told.set(port, staleFlow(flow, 1, current));
    }
    return [...told.values()];
  },
};
