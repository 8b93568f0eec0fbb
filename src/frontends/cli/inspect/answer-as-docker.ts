import type { Command } from 'commander';
import { speaksDocker, type EngineView } from '../../../inspect/engines/container-view.ts';
import { readAnswer } from '../../../inspect/engines/read-answer.ts';
import { HostMap } from '../../../inspect/host-map.ts';
import type { InspectionOptions } from '../../../inspect/read-inspection.ts';
import { optionalFields } from '../../../inspect/views/optional-fields.ts';
import { invalid, TsnetError } from '../../../model/index.ts';
import { compileTemplate } from '../go-template/render.ts';
import { printJson } from '../print.ts';
import { openInspection, printGaps, type InspectFlags } from './open-inspection.ts';

/** A question whose answer an engine has as well. */
export interface DockerQuestion<Report> {
  readonly kind: 'container' | 'network';
  readonly reads: InspectionOptions;
  readonly ask: (map: HostMap) => Report;
  /** The engine's answer with what the kernel holds. */
  readonly shape: (answer: unknown, report: Report) => readonly unknown[];
}

/**
 * Prints what the engine answers, as `docker inspect` does, with what the kernel holds in keys `Kernel`: expressions
 * for jq and templates of `docker inspect --format` stay as they are.
 *
 * @throws invalid-input for flags that do not fit, not-found, unsupported where no engine knows it, try-again
 */
export async function answerAsDocker<Report extends { readonly id: string; readonly engine: string }>(
  command: Command,
  flags: InspectFlags,
  { kind, reads, ask, shape }: DockerQuestion<Report>,
): Promise<void> {
  if (flags.snapshot !== undefined) throw invalid('--docker', true, 'a look at this host, not at a file');
  if (flags.watch === true) throw invalid('--docker', true, 'one answer, not --watch');
  const template =
    flags.format === undefined
      ? undefined
      : compileTemplate(flags.format, new Set([...optionalFields, 'kernel', 'carrier', 'netnsInode']));
  const inspection = await openInspection(command, reads);
  const report = ask(new HostMap(inspection));
  const answers = shape(
    await readAnswer(engineOf(report, inspection.engines, kind), kind, report.id),
    report,
  );
  if (template === undefined) printJson(answers);
  else for (const one of answers) process.stdout.write(`${template(one)}\n`);
  printGaps(inspection);
}

function engineOf(
  { id, engine }: { readonly id: string; readonly engine: string },
  engines: readonly EngineView[],
  kind: string,
): EngineView {
  const found = engines.find((one) => one.kind === engine && speaksDocker(one.kind));
  if (found !== undefined) return found;
  throw new TsnetError('unsupported', `show the ${kind} ${id} as docker does: no engine answers for it`, {
    hint: 'leave --docker out: the kernel is asked in any case',
  });
}
