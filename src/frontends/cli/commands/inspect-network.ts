import type { Command } from 'commander';
import { networkAsDocker, networkReport, type NetworkReport } from '../../../inspect/views/index.ts';
import { answerAsDocker } from '../inspect/answer-as-docker.ts';
import { answer, type Question } from '../inspect/answer.ts';
import { networkLines } from '../inspect/format-network.ts';
import { inspectFlags } from '../inspect/open-inspection.ts';

/** `tsnet inspect network NAME`: who is in a network and through which veth. */
export async function inspectNetwork(command: Command, name: string): Promise<void> {
  const question = {
    reads: { parts: ['processes', 'counters', 'addresses'] },
    ask: (map) => networkReport(map, name),
  } satisfies Pick<Question<NetworkReport>, 'reads' | 'ask'>;
  const flags = inspectFlags(command);
  if (flags.docker === true) {
    return await answerAsDocker(command, flags, { ...question, kind: 'network', shape: networkAsDocker });
  }
  await answer(command, { ...question, lines: networkLines });
}
