import { TsnetError } from '../model/index.ts';
import type { State } from '../state/index.ts';
import { findSandbox } from './find-sandbox.ts';
import { launch, type Launch } from './launch.ts';
import { stateOf } from './sandbox-state.ts';

/**
 * Starts one more command in a sandbox that runs, with the same view of the host. It ends with the sandbox.
 *
 * @throws not-found; conflict when it does not run; `CommandError`
 */
export async function execInSandbox(state: State, name: string, command: readonly string[]): Promise<Launch> {
  const sandbox = state.read((view) => findSandbox(view, name));
  if (stateOf(sandbox) !== 'running' || sandbox.process === undefined) {
    throw new TsnetError('conflict', `execute in sandbox ${sandbox.name}: it does not run`, {
      hint: 'tsnet ps -a',
    });
  }
  const started = await launch({ view: { target: sandbox.process }, command });
  await started.begin();
  return started;
}
