import type { Command } from 'commander';
import { examine, type Examination } from '../../../inspect/doctor/index.ts';
import type { Finding } from '../../../inspect/finding.ts';
import { everything } from '../../../inspect/read-inspection.ts';
import type { Inspection } from '../../../inspect/inspection.ts';
import { isThere } from '../../../kernel/is-there.ts';
import { printable, toTsnetError } from '../../../model/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { findingLines, wrapped } from '../inspect/format-finding.ts';
import { counted } from '../inspect/texts.ts';
import { inspectFlags, openInspection } from '../inspect/open-inspection.ts';
import { painted, printableDeep, terminalScreen } from '../inspect/screen.ts';
import { printJson } from '../print.ts';
import { readSettings } from '../settings.ts';
import { findStateDamage } from './find-state-damage.ts';

/**
 * `tsnet doctor`: what is wrong with the networks of this host. With `--fix` what is of tsnet is repaired first; all
 * else is only told. Exit status 1 when there is an error, that of `denied` when none was found and an ordinary user asked,
 * who may not read everything. Without a finding it only says that nothing is wrong if everything could be read.
 *
 * @throws as the readers, and as `tsnet reconcile` with `--fix`
 */
export async function doctor(command: Command): Promise<void> {
  const flags = inspectFlags(command);
  const isLive = flags.snapshot === undefined;
  const repaired = isLive && command.opts<{ fix?: boolean }>().fix === true ? await repairOwn(command) : [];
  const inspection = await openInspection(command, { ...everything, rules: 'all' });
  const damage = isLive ? findStateDamage(readSettings(command)) : undefined;
  const drift = isLive ? await findDriftUnlessDamaged(command, damage) : { findings: [], gaps: [] };
  const examination = withOwn(examine(inspection), damage, drift);
  const gaps = [...inspection.snapshot.gaps, ...drift.gaps];
  const isDenied = isLive && gaps.length > 0 && process.geteuid?.() !== 0;
  if (examination.findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;
  else if (isDenied) process.exitCode = exitCodes.denied;
  if (flags.json === true) return printJson({ ...examination, repaired, gaps });
  for (const line of repaired) process.stdout.write(`repaired: ${printable(line)}\n`);
  print(printableDeep(examination), gaps.length);
  for (const { what, why } of printableDeep(gaps)) process.stderr.write(`not read: ${what}: ${why}\n`);
  if (isDenied) process.stderr.write('hint: run it as root\n');
}

/** @param unread how much could not be read: then a check that found nothing proves nothing */
function print({ checks, findings }: Examination, unread: number): void {
  const screen = terminalScreen();
  for (const finding of findings) process.stdout.write(`${findingLines(finding, screen).join('\n')}\n\n`);
  const clean = checks.filter((check) => check.findings === 0).map(({ name }) => name);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const summary =
    findings.length === 0
      ? unread === 0
        ? '✓ nothing is wrong'
        : '? nothing was found in what could be read'
      : `${counted(errors, 'error')}, ${counted(findings.length - errors, 'other finding')}`;
  process.stdout.write(`${painted(screen, findings.length + unread === 0 ? 'good' : 'strong', summary)}\n`);
  for (const line of wrapped(
    `${unread === 0 ? 'nothing found in' : 'looked at, as far as it could be read'}: ${clean.join(', ')}`,
    0,
  ))
    process.stdout.write(`${painted(screen, 'faint', line)}\n`);
}

type Gap = Inspection['snapshot']['gaps'][number];

interface OwnDrift {
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
}

/** Opening damaged records would put in order what can be, and doctor only tells. */
async function findDriftUnlessDamaged(
  command: Command,
  damage: readonly Finding[] | undefined,
): Promise<OwnDrift> {
  const isUsable = damage === undefined || damage.every(({ fix }) => fix.length === 0);
  if (isUsable) return findOwnDrift(command);
  return { findings: [], gaps: [{ what: 'records of tsnet', why: 'they are damaged' }] };
}

/** What differs from the records of tsnet; nothing where it keeps none. */
async function findOwnDrift(command: Command): Promise<OwnDrift> {
  const settings = readSettings(command);
  const { findDaemon, findDrift, formatDrift, openContext } = await import('../../../network/index.ts');
  const { createLogger } = await import('../logger.ts');
  try {
    if (!isThere(settings.stateDirectory)) return { findings: [], gaps: [] };
    using context = await openContext(settings, createLogger('error'));
    const { stateDirectory } = settings;
    const daemon = await findDaemon(settings);
    const hasNetworks = context.state.read((view) => view.networks()).length > 0;
    const lacksGuard = daemon !== undefined && hasNetworks && !(await context.kernel.firewall.hasGuard());
    return {
      findings: [
        ...(lacksGuard ? [guardFinding(daemon)] : []),
        ...lossFindings(stateDirectory, context.state.lostRecords()?.kept ?? []),
        ...driftFindings(stateDirectory, formatDrift(await findDrift(context))),
      ],
      gaps: [],
    };
  } catch (error) {
    const { kind, message } = toTsnetError(error);
    if (kind === 'bug') throw error;
    return { findings: [], gaps: [{ what: 'records of tsnet', why: message }] };
  }
}

function guardFinding(daemon: number): Finding {
  return {
    code: 'tsnet.no-guard',
    severity: 'warning',
    isCertain: true,
    subject: 'tsnet',
    message: 'nothing guards against flushes: after each, unpublished ports answer until rules are back',
    evidence: [
      {
        source: 'tsnet',
        object: `process ${daemon}`,
        fact: 'the daemon runs, and table inet tsnet-guard is not its own',
      },
    ],
    fix: [],
    hint: 'it needs Linux 5.12, and no other process that has a table of that name; the log of the daemon says why',
  };
}

function lossFindings(directory: string, kept: readonly string[]): Finding[] {
  if (kept.length === 0) return [];
  return [
    {
      code: 'tsnet.records-lost',
      severity: 'warning',
      isCertain: true,
      subject: 'tsnet',
      message: `records were lost: ${kept.length} marks in the kernel belong to nothing that is known, and are left alone`,
      evidence: kept.map((fact) => ({ source: 'tsnet', object: directory, fact })),
      fix: [],
      hint: 'they end with their containers, or with the boot',
    },
  ];
}

function driftFindings(directory: string, lines: readonly string[]): Finding[] {
  if (lines.length === 0) return [];
  return [
    {
      code: 'tsnet.drift',
      severity: 'error',
      isCertain: true,
      subject: 'tsnet',
      message: `the kernel differs from what tsnet recorded in ${lines.length} places`,
      evidence: lines.map((fact) => ({ source: 'tsnet', object: directory, fact })),
      fix: ['tsnet reconcile'],
    },
  ];
}

async function repairOwn(command: Command): Promise<string[]> {
  const settings = readSettings(command);
  if (!isThere(settings.stateDirectory)) return [];
  const { findDrift, formatDrift, openContext, recover } = await import('../../../network/index.ts');
  const { createLogger } = await import('../logger.ts');
  using context = await openContext(settings, createLogger('warn'));
  const { structure } = await findDrift(context);
  return formatDrift({ structure, changes: await recover(context) });
}

/** What could not be read is not listed as clean. */
function withOwn(
  examination: Examination,
  damage: readonly Finding[] | undefined,
  { findings, gaps }: OwnDrift,
): Examination {
  return {
    ...examination,
    checks: [
      ...examination.checks,
      ...(damage === undefined ? [] : [{ name: 'files of tsnet', findings: damage.length }]),
      ...(gaps.length > 0 ? [] : [{ name: 'records of tsnet', findings: findings.length }]),
    ],
    findings: [...(damage ?? []), ...findings, ...examination.findings],
  };
}
