import { randomBytes } from 'node:crypto';
import { Rtnetlink } from '../kernel/netlink/index.ts';
import { createNamedNetns, deleteNamedNetns, netnsIdOf } from '../kernel/netns/index.ts';
import {
  shortId,
  TsnetError,
  toTsnetError,
  withSuppressed,
  type NamedSandbox,
  type PortRequest,
  type SandboxId,
  type SandboxName,
} from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { attachSandbox, type NetworkChoice } from './attach-sandbox.ts';
import { checkExposed } from './check-exposed.ts';
import { chooseNetworks } from './choose-networks.ts';
import { removeLocked } from './end-sandbox.ts';
import { launch, type Launch } from './launch.ts';
import { recordSandbox } from './record-sandbox.ts';
import { refreshHosts } from './refresh-hosts.ts';
import type { RunRequest } from './run-request.ts';
import { filesOf } from './sandbox-folder.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { viewOf, writeFiles } from './sandbox-view.ts';

/** How a sandbox is started. */
export interface RunOptions {
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
 * Makes a sandbox and starts its command in it. When it fails, nothing of it is left.
 *
 * @throws conflict when the name, a namespace of the name, an address or a port is taken; not-found for a network, a
 *   sandbox or the command (`CommandError`); what `attach` throws
 */
export async function runSandbox(
  context: Context,
  request: RunRequest,
  { atEnd, isInterrupted = () => false }: RunOptions,
): Promise<RunningSandbox> {
  const id = randomBytes(32).toString('hex') as SandboxId;
  const name = request.name ?? (shortId(id) as SandboxName);
  const choices = request.mode.kind === 'networks' ? await chooseNetworks(context, request.mode.wishes) : [];
  const publisher = choosePublisher(choices, request.ports);
  return withSandboxLock(context, name, async () => {
    let sandbox = await recordSandbox(context, request, choices, id, name);
    try {
      await checkExposed(context, sandbox);
      sandbox = await makeNetns(context, sandbox);
      for (const choice of choices) {
        if (isInterrupted()) throw interrupted(name);
        await attachSandbox(context, sandbox, choice, choice === publisher ? request.ports : []);
      }
      const files = filesOf(context.runDirectory, id);
      writeFiles(context, sandbox, request);
      await refreshHosts(context);
      const launched = await launch({
        view: viewOf(context, sandbox, request),
        command: request.command,
        exitFile: files.exit,
        ...(request.isDetached ? { logFile: files.log } : {}),
        atEnd: atEnd(name, id),
      });
      try {
        if (isInterrupted()) throw interrupted(name);
        sandbox = { ...sandbox, process: launched.process };
        await put(context, sandbox);
        await launched.begin();
      } catch (error) {
        launched.abandon();
        await launched.exit;
        throw error;
      }
      return { sandbox, launch: launched };
    } catch (thrown) {
      const failures: unknown[] = [];
      await removeLocked(context, withoutForeignNetns(sandbox)).catch((error: unknown) =>
        failures.push(error),
      );
      throw failures.length === 0 ? thrown : withSuppressed(toTsnetError(thrown), failures);
    }
  });
}

/** Ports lead to the first network that anything comes in by. @throws invalid-input when there is none */
function choosePublisher(
  choices: readonly NetworkChoice[],
  ports: readonly PortRequest[],
): NetworkChoice | undefined {
  const open = choices.find(({ found }) => !found.isInternal);
  if (open === undefined && choices.length > 0 && ports.length > 0) {
    throw new TsnetError(
      'invalid-input',
      '-p: nothing comes into an internal network, so no port can be published',
      {
        subject: '-p',
        hint: 'add a network that is not internal',
      },
    );
  }
  return open;
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

/** A namespace that was in the way is not ours to remove. */
function withoutForeignNetns(sandbox: NamedSandbox): NamedSandbox {
  const { netns } = sandbox;
  return netns.kind === 'own' && netns.id === undefined ? { ...sandbox, netns: { kind: 'host' } } : sandbox;
}

async function put({ state }: Context, sandbox: NamedSandbox): Promise<void> {
  await state.transact((tx) => tx.putSandbox(sandbox));
}

function interrupted(name: SandboxName): TsnetError {
  return new TsnetError('try-again', `start sandbox ${name}: interrupted`);
}
