import type { Command } from 'commander';
import { debugPort, parsePortQuestion, type PortReport } from '../../../inspect/port/index.ts';
import { everything } from '../../../inspect/read-inspection.ts';
import { invalid, TsnetError } from '../../../model/index.ts';
import { askKernelRoute } from '../inspect/ask-kernel-route.ts';
import { portLines } from '../inspect/format-port.ts';
import { inspectFlags, openInspection } from '../inspect/open-inspection.ts';
import { printableDeep, terminalScreen } from '../inspect/screen.ts';
import { printJson } from '../print.ts';
import { probeLines, probePort, refutedOrigins } from './probe-port.ts';

/** What the shell sees of a verdict; errors of the look itself keep their own numbers. */
const exitCodes: Readonly<Record<PortReport['verdict'], number>> = {
  works: 0,
  broken: 1,
  'by-design': 1,
  unknown: 3,
};

/** `tsnet inspect port PORT`: why a port answers or does not. @throws invalid-input, not-found, as the readers */
export async function port(command: Command, text: string): Promise<void> {
  const flags = inspectFlags(command);
  const { from, probe: wantsProbe = false } = command.opts<{ from?: string; probe?: boolean }>();
  if (flags.watch === true || flags.format !== undefined) {
    throw new TsnetError('invalid-input', '--watch and --format: inspect port knows neither, but --json');
  }
  const question = parsePortQuestion(text, from);
  if (wantsProbe && flags.snapshot !== undefined)
    throw invalid('--probe', true, 'a look at this host, not at a file');
  const inspection = await openInspection(flags, everything);
  const host = inspection.snapshot.namespaces.find(({ id }) => id === inspection.snapshot.hostNetns);
  const isLive = flags.snapshot === undefined && host !== undefined;
  const report = await debugPort(inspection, question, isLive ? askKernelRoute(host) : undefined);
  const probes = wantsProbe ? await probePort(inspection, question) : undefined;
  const refuted = probes === undefined ? [] : refutedOrigins(report, probes);
  process.exitCode = exitCodes[refuted.length > 0 ? 'broken' : report.verdict];
  if (flags.json === true) {
    return printJson({
      ...report,
      gaps: inspection.snapshot.gaps,
      ...(probes === undefined ? {} : { probes: { ...probes, refuted } }),
    });
  }
  for (const line of portLines(printableDeep(report), terminalScreen())) process.stdout.write(`${line}\n`);
  if (probes !== undefined) process.stdout.write(`\n${probeLines(probes).join('\n')}\n`);
  for (const origin of refuted) {
    process.stdout.write(
      `✗ from ${printableDeep(origin)} it does not work, though everything that was read lets it pass: see the attempt above\n`,
    );
  }
  for (const { what, why } of printableDeep(inspection.snapshot.gaps)) {
    process.stderr.write(`not read: ${what}: ${why}\n`);
  }
}
