import type { Command } from 'commander';
import {
  debugPort,
  namespacesAsked,
  parsePortQuestion,
  type PortQuestion,
  type PortReport,
} from '../../../inspect/port/index.ts';
import { everything, withRulesOf } from '../../../inspect/read-inspection.ts';
import type { Inspection } from '../../../inspect/inspection.ts';
import { optionalFields } from '../../../inspect/views/optional-fields.ts';
import { invalid, printable, toTsnetError } from '../../../model/index.ts';
import { compileTemplate } from '../go-template/render.ts';
import { clearScreen } from '../inspect/answer.ts';
import { askKernelRoute } from '../inspect/ask-kernel-route.ts';
import { portLines } from '../inspect/format-port.ts';
import { inspectFlags, openInspection, type InspectFlags } from '../inspect/open-inspection.ts';
import { printableDeep, terminalScreen } from '../inspect/screen.ts';
import { watchHost } from '../inspect/watch-host.ts';
import { toJson } from '../print.ts';
import { probeLines, probePort, refutedOrigins, type ProbeReport } from './probe-port.ts';

/** What the shell sees of a verdict; errors of the look itself keep their own numbers. */
const exitCodes: Readonly<Record<PortReport['verdict'], number>> = {
  works: 0,
  broken: 1,
  'by-design': 1,
  unknown: 3,
};

/** Rules and sockets change without a word, so a watched port is looked at so often. */
const watchedEveryMs = 2_000;

interface Answer {
  readonly report: PortReport;
  readonly gaps: Inspection['snapshot']['gaps'];
  readonly probes?: ProbeReport & { readonly refuted: readonly string[] };
}

/** `tsnet inspect port PORT`: why a port answers or does not. @throws invalid-input, not-found, as the readers */
export async function port(command: Command, text: string): Promise<void> {
  const flags = inspectFlags(command);
  const { from, probe = false } = command.opts<{ from?: string; probe?: boolean }>();
  const question = parsePortQuestion(text, from);
  if (probe && flags.snapshot !== undefined)
    throw invalid('--probe', true, 'a look at this host, not at a file');
  if (probe && flags.watch === true) throw invalid('--probe', true, 'one attempt, not --watch');
  const write = writerOf(flags);
  if (flags.watch !== true) {
    const answer = await look(command, flags, question, probe);
    process.stdout.write(write(answer));
    if (flags.json !== true) printGaps(answer);
    return;
  }
  let before = '';
  await watchHost(async () => {
    const now = write(await lookAgain(command, flags, question));
    if (now === before) return;
    before = now;
    const isScreen = process.stdout.isTTY && flags.json !== true;
    process.stdout.write(isScreen ? `${clearScreen}${now}` : now);
  }, watchedEveryMs);
}

async function look(
  command: Command,
  flags: InspectFlags,
  question: PortQuestion,
  wantsProbe: boolean,
): Promise<Answer> {
  const inspection = await openWithRules(command, flags, question);
  const host = inspection.snapshot.namespaces.find(({ id }) => id === inspection.snapshot.hostNetns);
  const isLive = flags.snapshot === undefined && host !== undefined;
  const report = await debugPort(inspection, question, isLive ? askKernelRoute(host) : undefined);
  const { gaps } = inspection.snapshot;
  process.exitCode = exitCodes[report.verdict];
  if (!wantsProbe) return { report, gaps };
  const probes = await probePort(inspection, question);
  const refuted = refutedOrigins(report, probes);
  if (refuted.length > 0) process.exitCode = exitCodes.broken;
  return { report, gaps, probes: { ...probes, refuted } };
}

/** Of this host also the rules in the namespaces that the packets go through; of a file what is in it. */
async function openWithRules(
  command: Command,
  flags: InspectFlags,
  question: PortQuestion,
): Promise<Inspection> {
  const inspection = await openInspection(command, everything);
  if (flags.snapshot !== undefined) return inspection;
  return await withRulesOf(inspection, namespacesAsked(inspection, question));
}

/** What is watched may come and go. */
async function lookAgain(
  command: Command,
  flags: InspectFlags,
  question: PortQuestion,
): Promise<Answer | string> {
  try {
    return await look(command, flags, question, false);
  } catch (error) {
    const { kind, message } = toTsnetError(error);
    if (kind === 'bug') throw error;
    return flags.json === true ? toJson({ error: { kind, message } }) : printable(message);
  }
}

/** The text of an answer, or of what stands in its place, as the flags want it. @throws invalid-input for templates */
function writerOf(flags: InspectFlags): (answer: Answer | string) => string {
  const shape = flags.format === undefined ? shapeOf(flags) : templateOf(flags.format);
  return (answer) => (typeof answer === 'string' ? `${answer}\n` : shape(answer));
}

function templateOf(format: string): (answer: Answer) => string {
  const template = compileTemplate(format, new Set([...optionalFields, 'symptom', 'hint', 'probes']));
  return (answer) => `${template(plainOf(answer))}\n`;
}

function shapeOf({ json, watch }: InspectFlags): (answer: Answer) => string {
  if (json === true) return (answer) => `${toJson(plainOf(answer), watch === true ? undefined : 2)}\n`;
  return ({ report, probes }) =>
    [
      ...portLines(printableDeep(report), terminalScreen()),
      ...(probes === undefined ? [] : ['', ...probeLines(probes)]),
      ...(probes?.refuted ?? []).map(
        (origin) =>
          `✗ from ${printableDeep(origin)} it does not work, though everything that was read lets it pass: see the attempt above`,
      ),
    ]
      .map((line) => `${line}\n`)
      .join('');
}

function plainOf({ report, gaps, probes }: Answer): object {
  return { ...report, gaps, ...(probes === undefined ? {} : { probes }) };
}

function printGaps({ gaps }: Answer): void {
  for (const { what, why } of printableDeep(gaps)) process.stderr.write(`not read: ${what}: ${why}\n`);
}
