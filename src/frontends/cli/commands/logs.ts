import type { Command } from 'commander';
import { createReadStream, existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { TsnetError } from '../../../model/index.ts';
import { filesOf, findSandbox } from '../../../run/index.ts';
import { openView } from '../open-view.ts';
import { readSettings } from '../settings.ts';

/** `tsnet logs SANDBOX`: what a detached command has written, both outputs as they came. */
export async function logs(command: Command, name: string): Promise<void> {
  using state = openView(command);
  const sandbox = state.read((view) => findSandbox(view, name));
  const { log } = filesOf(readSettings(command).runDirectory, sandbox.id);
  if (!existsSync(log)) {
    throw new TsnetError('not-found', `sandbox ${sandbox.name} has no log: it was not started with -d`);
  }
  await pipeline(createReadStream(log), process.stdout, { end: false });
}
