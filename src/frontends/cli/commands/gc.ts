import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineTimeoutMs, readEngineUse } from '../../../inspect/engines/read-use.ts';
import { silenceOf } from '../../../inspect/engines/silence.ts';
import {
  invalid,
  printable,
  shortId,
  TsnetError,
  type EngineUse,
  type Network,
} from '../../../model/index.ts';
import {
  collectGarbage,
  findDeadEndpoints,
  findOrphans,
  findOwnPools,
  findUnclaimedPools,
  formatGarbage,
  inBoth,
  lookForGarbage,
  openContext,
  sweepOrphans,
  type Context,
  type Garbage,
} from '../../../network/index.ts';
import { collectSandboxes, findLostSandboxes } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { printSilence } from '../print-silence.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** Between two looks at what the engine has: what is in motion is left alone. */
const secondLookMs = 2_000;

interface Finding {
  readonly use?: EngineUse;
  readonly garbage: readonly Garbage[];
  /** Networks of which nobody can say whether they still exist. */
  readonly left: readonly Network[];
}

/**
 * `tsnet gc`: removes the records, links and rules of networks, endpoints and addresses that the engine does not know
 * any more, and says why. Without an engine only what is dead for sure. What nobody has goes in any case: operations that were
 * interrupted, records of endpoints that do not exist, links and rules of ours without a record. Sandboxes of our own in which nothing runs any more
 * lose their networks in any case.
 */
export async function collect(command: Command): Promise<void> {
  const flags = command.opts<{ dryRun?: boolean; olderThan: string }>();
  const leastAgeSeconds = parseSeconds(flags.olderThan);
  const isDryRun = flags.dryRun === true;
  using context = await openContext(readSettings(command), createLogger('warn'));
  const orphans = isDryRun ? await findOrphans(context) : await sweepOrphans(context);
  const sandboxes = isDryRun ? findLostSandboxes(context) : await collectSandboxes(context);
  const { use, garbage, left } = await find(context, leastAgeSeconds);
  const rules = { nowSeconds: nowSeconds(), leastAgeSeconds };
  const unclaimed = context.state.read((view) => findUnclaimedPools(view, rules));
  const removed = isDryRun ? garbage : await collectGarbage(context, garbage, use);
  if (wantsJson(command))
    return printJson({ isDryRun, engine: use?.engine ?? null, orphans, sandboxes, removed, left, unclaimed });
  if (use === undefined) process.stderr.write('No engine answers: only what is dead for sure is removed.\n');
  for (const line of orphans) process.stdout.write(`${printable(line)}\n`);
  for (const { sandbox, why } of sandboxes) process.stdout.write(`sandbox ${sandbox.name}: ${why}\n`);
  for (const one of removed) process.stdout.write(`${printable(formatGarbage(one))}\n`);
  for (const { id, bridge } of left) {
    process.stderr.write(
      `network ${shortId(id)} (${bridge}) is left alone: this engine does not know it and was never seen to have it. ` +
        `If it is gone: tsnet network rm --force ${shortId(id)}\n`,
    );
  }
  for (const { id } of unclaimed) {
    process.stderr.write(
      `pool ${id} is left alone: no network of tsnet takes addresses from it, and no engine was seen to use it. ` +
        `Its range is free again when an engine gives it back, or when a network is made of it: tsnet network create --subnet\n`,
    );
  }
}

async function find(context: Context, leastAgeSeconds: number): Promise<Finding> {
  const first = await lookForGarbage(context, readEngineUse, leastAgeSeconds).catch((error: unknown) => {
    if (error instanceof TsnetError) throw error;
    printSilence(silenceOf(error, engineTimeoutMs));
    return undefined;
  });
  if (first === undefined) {
    const rules = { nowSeconds: nowSeconds(), leastAgeSeconds };
    const pools = context.state.read((view) => findOwnPools(view, rules));
    return { garbage: [...(await findDeadEndpoints(context, rules)), ...pools], left: [] };
  }
  const left = context.state
    .read((view) => view.networks())
    .filter(
      ({ id, origin, engine }) =>
        origin === 'docker' && !first.use.networks.has(id) && engine !== first.use.engine,
    );
  if (first.garbage.length === 0) return { ...first, left };
  await sleep(secondLookMs);
  const second = await lookForGarbage(context, readEngineUse, leastAgeSeconds).catch((cause: unknown) => {
    if (cause instanceof TsnetError) throw cause;
    throw new TsnetError('unavailable', 'ask the engine a second time: it does not answer any more', {
      hint: 'nothing was removed; try again',
      cause,
    });
  });
  return { use: second.use, garbage: inBoth(first.garbage, second.garbage), left };
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function parseSeconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw invalid('--older-than', text, 'a number of seconds');
}
