import { readFileSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { invalid } from '../../model/index.ts';
import type { Context, FirewallChoice, OpenContext, Settings } from '../../network/index.ts';
import { answerTo } from '../plugin-socket/answer.ts';
import type { Invocation } from '../plugin-socket/index.ts';
import { createLogger } from './logger.ts';

// What the executables for CNI and netavark become where no daemon answers: the same work in a process of its own. A
// program of its own, and not a command of `tsnet`, because a container waits for its start.

const [, , program = 'tsnet', ...args] = process.argv;
const env = Object.fromEntries(Object.entries(process.env).map(([name, value = '']) => [name, value]));
let opened: Promise<OpenContext> | undefined;

// Without this Node prints the whole line that failed, and the bundle has very long ones.
process.setUncaughtExceptionCaptureCallback((error) => {
  process.stderr.write(`${error.stack ?? String(error)}\n`);
  process.exit(1);
});
void run({ program: basename(program), args, env, stdin: readFileSync(0, 'utf8') });

async function run(invocation: Invocation): Promise<void> {
  const { exitCode, stdout, stderr = '' } = await answerTo(context, invocation);
  const open = await opened?.catch(() => undefined);
  await open?.linkRemoval.idle();
  open?.[Symbol.dispose]();
  process.exitCode = exitCode;
  process.stdout.write(stdout);
  process.stderr.write(stderr);
}

function context(): Promise<Context> {
  opened ??= openAsSet();
  return opened;
}

async function openAsSet(): Promise<OpenContext> {
  // What can be answered without, such as a mistake in the input, is.
  const { openContext } = await import('../../network/open-context.ts');
  return openContext(settings(), createLogger('warn'));
}

/** The same names and defaults as the global flags of the command. */
function settings(): Settings {
  return {
    stateDirectory: folder('TSNET_STATE_DIR', '/var/lib/tsnet'),
    runDirectory: folder('TSNET_RUN_DIR', '/run/tsnet'),
    firewall: firewall(),
  };
}

function folder(variable: string, fallback: string): string {
  const path = env[variable] || fallback;
  if (!isAbsolute(path)) throw invalid(variable, path, 'an absolute path');
  return path;
}

function firewall(): FirewallChoice {
  const choice = env['TSNET_FIREWALL'] || 'auto';
  const known = (['nftables', 'iptables', 'auto'] as const).find((one) => one === choice);
  if (known === undefined) throw invalid('TSNET_FIREWALL', choice, 'nftables, iptables or auto');
  return known;
}
