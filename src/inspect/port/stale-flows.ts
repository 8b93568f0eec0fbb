import { protocolNumbers, type Ip, type Protocol } from '../../model/index.ts';
import type { FlowView } from '../../observe/host/snapshot.ts';
import type { Finding } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { fact, found } from './hop.ts';
import { hostOf } from './lookup.ts';
import type { Target } from './target.ts';

/**
 * A tracked flow of UDP that began under other rules: it keeps its translation, or that it has none, as long as its
 * sender goes on.
 */
export function staleFlowFinding(
  inspection: Inspection,
  asked: { readonly destination: Ip; readonly destinationPort?: number },
  protocol: Protocol,
  target: Target,
): Finding | undefined {
  if (protocol !== 'udp') return undefined;
  const flows = (hostOf(inspection).flows ?? []).filter(
    (flow) =>
      flow.protocol === protocolNumbers.udp &&
      flow.original.destinationPort === asked.destinationPort &&
      flow.original.destination === asked.destination &&
      flow.reply.source !== target.ip,
  );
  const [flow] = flows;
  return flow === undefined ? undefined : staleFlow(flow, flows.length, target.ip);
}

/** @param current where the port leads to now */
export function staleFlow(flow: FlowView, count: number, current: Ip | undefined): Finding {
  const { original, reply } = flow;
  const port = original.destinationPort ?? 0;
  const isTranslated = reply.source !== original.destination;
  return found('conntrack.stale', {
    severity: 'warning',
    subject: `port ${port}/udp`,
    message: `conntrack still sends ${original.source}:${original.sourcePort} → ${port}/udp ${isTranslated ? `to ${reply.source}` : 'to the host itself'}${current === undefined ? ', an address of no container' : ` and not to ${current}`}${count > 1 ? `, and ${count - 1} more` : ''}`,
    evidence: [
      fact(
        'conntrack',
        `udp ${original.source}:${original.sourcePort} → ${original.destination}:${port}`,
        `answers are expected from ${reply.source}:${reply.sourcePort}`,
      ),
    ],
    fix: [`conntrack -D -p udp --orig-port-dst ${port}`],
    hint: 'senders that go on keep the entry alive; new ones are not affected',
  });
}
