import { bridges } from './bridges.ts';
import type { Check } from './check.ts';
import { conntrackTable } from './conntrack-table.ts';
import { containerLinks } from './container-links.ts';
import { duplicates } from './duplicates.ts';
import { engineRules } from './engine-rules.ts';
import { forwarding } from './forwarding.ts';
import { leakedLinks } from './leaked-links.ts';
import { leakedNamespaces } from './leaked-namespaces.ts';
import { masquerade } from './masquerade.ts';
import { mtu } from './mtu.ts';
import { orphanedProxies } from './orphaned-proxies.ts';
import { orphanedRules } from './orphaned-rules.ts';
import { overlaps } from './overlaps.ts';
import { publishedPorts } from './published-ports.ts';
import { resolver } from './resolver.ts';
import { routerAdvertisements } from './router-advertisements.ts';
import { staleFlows } from './stale-flows.ts';
import { waysIn } from './ways-in.ts';
import { waysOut } from './ways-out.ts';

/** What the doctor looks for, causes before what they cause. */
export const checks: readonly Check[] = [
  forwarding,
  engineRules,
  bridges,
  containerLinks,
  waysOut,
  waysIn,
  masquerade,
  publishedPorts,
  resolver,
  overlaps,
  duplicates,
  mtu,
  routerAdvertisements,
  staleFlows,
  conntrackTable,
  orphanedRules,
  orphanedProxies,
  leakedLinks,
  leakedNamespaces,
];
