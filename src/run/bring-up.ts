import { Rtnetlink } from '../kernel/netlink/index.ts';
import { createNamedNetns, deleteNamedNetns, netnsIdOf } from '../kernel/netns/index.ts';
import {
  toTsnetError,
  TsnetError,
  withSuppressed,
  type NamedSandbox,
  type NetworkId,
  type SandboxId,
  type SandboxName,
} from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { attachSandbox } from './attach-sandbox.ts';
import { checkExposed } from './check-exposed.ts';
import { withFormer } from './former-attachment.ts';
import { launch, type Launch } from './launch.ts';
import { refreshHosts } from './refresh-hosts.ts';
import { resolveUser } from './resolve-user.ts';
import { filesOf } from './sandbox-folder.ts';
import { viewOf, writeFiles } from './sandbox-view.ts';

/** How a sandbox is started. */
export interface BringUpOptions {
  /** Whether it goes on without us. */
  readonly isDetached: boolean;
  /** A command that calls `endSandbox`, for the time when its parent has seen the end and we are gone. */
  readonly atEnd: (name: SandboxName, id: SandboxId) => readonly string[];
  /** Whether somebody wants it to end before it has begun. */
  readonly isInterrupted?: () => boolean;
}

/** A sandbox with its command at work. */
export interface RunningSandbox {
  readonly sandbox: NamedSandbox;
  readonly launch: Launch;
}

/**
 * Makes the namespace of a recorded sandbox, brings it into its networks and starts its command. The caller holds its lock.
 *
 * @param takeBack is called when it fails, with what the record has become and whether a namespace of its name is its own
 * @throws conflict, not-found, `CommandError`, and what `attach` throws
 */
export async function bringUp(
  context: Context,
  recorded: NamedSandbox,
  options: BringUpOptions,
  takeBack: (failed: NamedSandbox, hasNetns: boolean) => Promise<void>,
): Promise<RunningSandbox> {
  let sandbox = recorded;
  try {
    await checkExposed(context, sandbox);
    sandbox = await makeNetns(context, sandbox);
    const publisher = findPublisher(context, sandbox);
    for (const network of sandbox.networks) {
      refuseInterrupted(sandbox, options);
      await attachSandbox(context, sandbox, network, network.id === publisher ? sandbox.ports : []);
    }
    writeFiles(context, sandbox);
    await refreshHosts(context);
    const launched = await launchIn(context, sandbox, options);
    try {
      refuseInterrupted(sandbox, options);
      sandbox = withFormer(context, { ...sandbox, process: launched.process });
      await put(context, sandbox);
      await launched.begin();
    } catch (error) {
      launched.abandon();
      await launched.exit;
      throw error;
    }
    return { sandbox, launch: launched };
  } catch (thrown) {
    const { netns } = sandbox;
    const failures: unknown[] = [];
    await takeBack(sandbox, netns.kind === 'own' && netns.id !== undefined).catch((error: unknown) =>
      failures.push(error),
    );
    throw failures.length === 0 ? thrown : withSuppressed(toTsnetError(thrown), failures);
  }
}

async function launchIn(
  context: Context,
  sandbox: NamedSandbox,
  { isDetached, atEnd }: BringUpOptions,
): Promise<Launch> {
  const { id, name, command, environment, workingDirectory, user } = sandbox;
  const files = filesOf(context.runDirectory, id);
  return launch({
    view: viewOf(context, sandbox),
    command,
    environment,
    workingDirectory,
    ...(user === undefined ? {} : { user: resolveUser(user) }),
    exitFile: files.exit,
    isDetached,
    ...(isDetached ? { logFile: files.log } : {}),
    atEnd: atEnd(name, id),
  });
}

async function makeNetns(context: Context, sandbox: NamedSandbox): Promise<NamedSandbox> {
  if (sandbox.netns.kind !== 'own') return sandbox;
  const path = createNamedNetns(sandbox.name);
  try {
    const made: NamedSandbox = { ...sandbox, netns: { kind: 'own', path, id: netnsIdOf(path) } };
    await put(context, made);
    using rtnetlink = Rtnetlink.open(path);
    await rtnetlink.setLink('lo', { up: true });
    return made;
  } catch (error) {
    deleteNamedNetns(sandbox.name);
    throw error;
  }
}

/** Ports lead to the first network that anything comes in by. */
function findPublisher({ state }: Context, { networks }: NamedSandbox): NetworkId | undefined {
  return state.read((view) => networks.find(({ id }) => view.network(id)?.isInternal === false)?.id);
}

function refuseInterrupted({ name }: NamedSandbox, { isInterrupted }: BringUpOptions): void {
  if (isInterrupted?.() === true) throw new TsnetError('try-again', `start sandbox ${name}: interrupted`);
}

async function put({ state }: Context, sandbox: NamedSandbox): Promise<void> {
  await state.transact((tx) => tx.putSandbox(sandbox));
}
