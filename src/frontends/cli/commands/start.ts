import type { Command } from 'commander';
import { invalid, TsnetError } from '../../../model/index.ts';
import { findSandbox, startSandbox, stateOf, stopSandbox } from '../../../run/index.ts';
import { commandAtEnd } from '../run/at-end.ts';
import { eachSandbox } from '../run/each-sandbox.ts';
import { startAndWait } from '../run/start-and-wait.ts';
import { readStopOptions } from '../run/stop-flags.ts';
import { readSettings } from '../settings.ts';

/** `tsnet start [-a] SANDBOX…`: with `-a` it ends with the exit status of the command, as `tsnet run`. */
export async function start(command: Command, names: readonly string[]): Promise<void> {
  const isAttached = command.opts<{ attach?: boolean }>().attach === true;
  if (!isAttached) return eachSandbox(command, names, starter(command));
  const [name = '', ...others] = names;
  if (others.length > 0)
    throw invalid('--attach', names.join(' '), 'one sandbox, whose input and output ours are');
  await startAndWait(command, false, async (context, options) => {
    const started = await startSandbox(context, name, options);
    if (started.launch !== undefined) return started;
    throw new TsnetError('conflict', `start sandbox ${started.sandbox.name} with -a: it runs already`, {
      hint: `tsnet logs -f ${started.sandbox.name}`,
    });
  });
}

/** `tsnet restart [-t SECONDS] [-s SIGNAL] SANDBOX…` */
export async function restart(command: Command, names: readonly string[]): Promise<void> {
  const options = readStopOptions(command);
  const startAgain = starter(command);
  await eachSandbox(command, names, async (context, name) => {
    const sandbox = context.state.read((view) => findSandbox(view, name));
    if (sandbox.isRemovedAtEnd) {
      throw new TsnetError(
        'conflict',
        `restart sandbox ${sandbox.name}: nothing is left of it at its end (--rm)`,
      );
    }
    if (stateOf(sandbox) === 'running') await stopSandbox(context, sandbox.id, options);
    return startAgain(context, sandbox.id);
  });
}

type Starter = Parameters<typeof eachSandbox>[2];

function starter(command: Command): Starter {
  const settings = readSettings(command);
  return async (context, wanted) => {
    const { sandbox } = await startSandbox(context, wanted, {
      isDetached: true,
      atEnd: (name, id) => commandAtEnd(settings, name, id),
    });
    return sandbox;
  };
}
