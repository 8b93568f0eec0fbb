import { TsnetError } from '../model/index.ts';
import type { State } from '../state/index.ts';
import { findSandbox } from './find-sandbox.ts';
import { launch, type Launch } from './launch.ts';
import { resolveUser } from './resolve-user.ts';
import type { Execution } from './run-request.ts';
import { stateOf } from './sandbox-state.ts';

/** What is executed in a sandbox, and how. */
export interface ExecRequest extends Execution {
  readonly command: readonly string[];
  /** Whether it goes on without us. What it writes is lost then. */
  readonly isDetached: boolean;
}

/**
 * Starts one more command in a sandbox that runs, with the same view of the host, and as the same user with the same
 * variables where it wishes no other. It ends with the sandbox.
 *
 * @throws not-found for the sandbox or the user; conflict when it does not run; `CommandError`
 */
export async function execInSandbox(state: State, name: string, request: ExecRequest): Promise<Launch> {
  const sandbox = state.read((view) => findSandbox(view, name));
  if (stateOf(sandbox) !== 'running' || sandbox.process === undefined) {
    throw new TsnetError('conflict', `execute in sandbox ${sandbox.name}: it does not run`, {
      hint: 'tsnet ps -a',
    });
  }
  const { command, isDetached, workingDirectory, environment, user = sandbox.user } = request;
  const started = await launch({
    view: { target: sandbox.process },
    command,
    isDetached,
    environment: [...sandbox.environment, ...environment],
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(user === undefined ? {} : { user: resolveUser(user) }),
  });
  await started.begin();
  return started;
}
