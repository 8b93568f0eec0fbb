import { existsSync } from 'node:fs';
import { shortId, TsnetError, type NamedSandbox, type SandboxId, type SandboxName } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { thisProcess, type StateTransaction, type StateView } from '../state/index.ts';
import { recordOf, type NetworkChoice } from './choose-networks.ts';
import { findSandbox } from './find-sandbox.ts';
import { resolveHosts } from './resolve-hosts.ts';
import type { RunRequest } from './run-request.ts';
import { stateOf } from './sandbox-state.ts';

/**
 * Records a sandbox that is about to be made: from now on its name is taken.
 *
 * @throws conflict when the name is taken, or a sandbox to join or link to does not run; not-found; invalid-input
 */
export async function recordSandbox(
  context: Context,
  request: RunRequest,
  choices: readonly NetworkChoice[],
  id: SandboxId,
  name: SandboxName,
): Promise<NamedSandbox> {
  return context.state.transact((tx) => {
    refuseTakenName(tx, name);
    const { mode } = request;
    const owner = mode.kind === 'sandbox' ? requireRunning(tx, mode.name, 'share the network of') : undefined;
    const netns = netnsFor(request, name, owner);
    refuseForeignNetns(name, netns);
    for (const link of request.links) requireRunning(tx, link.name, 'link to');
    const hostname = owner?.hostname ?? request.hostname ?? (mode.kind === 'host' ? undefined : name);
    const sandbox: NamedSandbox = {
      id,
      name,
      netns,
      ...(hostname === undefined ? {} : { hostname }),
      command: request.command,
      environment: request.environment,
      workingDirectory: request.workingDirectory ?? currentFolder(),
      ...(request.user === undefined ? {} : { user: request.user }),
      networks: choices.map(recordOf),
      ports: request.ports,
      exposed: request.exposed,
      links: request.links,
      hosts: resolveHosts(request, choices),
      dns: request.dns,
      isRemovedAtEnd: request.isRemovedAtEnd,
      creator: thisProcess(),
      createdAt: Math.floor(Date.now() / 1000),
    };
    tx.putSandbox(sandbox);
    return sandbox;
  });
}

/** @throws conflict when somebody else has made a namespace of the name */
export function refuseForeignNetns(name: SandboxName, netns: NamedSandbox['netns']): void {
  if (netns.kind !== 'own' || !existsSync(netns.path)) return;
  throw new TsnetError('conflict', `make sandbox ${name}: a network namespace of that name exists already`, {
    subject: netns.path,
    hint: 'choose another --name; ip netns shows it',
  });
}

/** Somebody may have removed it. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

function netnsFor(
  { mode }: RunRequest,
  name: SandboxName,
  owner: NamedSandbox | undefined,
): NamedSandbox['netns'] {
  if (mode.kind === 'host' || owner?.netns.kind === 'host') return { kind: 'host' };
  if (owner === undefined) return { kind: 'own', path: `/run/netns/${name}` };
  if (owner.netns.kind === 'shared') return owner.netns;
  return { kind: 'shared', path: owner.netns.path, owner: owner.id, name: owner.name };
}

function refuseTakenName(tx: StateTransaction, name: SandboxName): void {
  const other = tx.sandbox(name);
  if (other === undefined) return;
  throw new TsnetError('conflict', `make sandbox ${name}: the name is taken by ${shortId(other.id)}`, {
    subject: name,
    hint:
      stateOf(other) === 'exited'
        ? `it has ended: tsnet rm ${name}`
        : `tsnet rm -f ${name}, or another --name`,
  });
}

/** @throws not-found, conflict */
export function requireRunning(tx: StateView, name: string, doing: string): NamedSandbox {
  const sandbox = findSandbox(tx, name);
  if (stateOf(sandbox) === 'running') return sandbox;
  throw new TsnetError('conflict', `${doing} sandbox ${sandbox.name}: it does not run`, {
    hint: 'tsnet ps -a',
  });
}
