import type { Command } from 'commander';
import { containerAsDocker, containerReport, type ContainerReport } from '../../../inspect/views/index.ts';
import { answerAsDocker } from '../inspect/answer-as-docker.ts';
import { answer, type Question } from '../inspect/answer.ts';
import { containerLines } from '../inspect/format-container.ts';
import { inspectFlags } from '../inspect/open-inspection.ts';

/** `tsnet inspect container NAME`: how a container got its network, and where each interface leads. */
export async function inspectContainer(command: Command, name: string): Promise<void> {
  const question = {
    reads: { parts: ['processes', 'counters', 'addresses', 'routes', 'sockets'] },
    ask: (map) => containerReport(map, name),
  } satisfies Pick<Question<ContainerReport>, 'reads' | 'ask'>;
  const flags = inspectFlags(command);
  if (flags.docker === true) {
    return await answerAsDocker(command, flags, { ...question, kind: 'container', shape: containerAsDocker });
  }
  await answer(command, { ...question, lines: containerLines });
}
