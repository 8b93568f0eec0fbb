import { findSocketOwners } from '../kernel/proc/index.ts';
import { listListeners } from '../kernel/sockets/index.ts';
import { printable, TsnetError, type ExposedPort, type NamedSandbox } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { stateOf } from './sandbox-state.ts';

/**
 * Refuses ports that the command is to listen on where somebody in the same namespace has them: a program that listens
 * already, or another sandbox that exposes them. Only a shared namespace or the host's can have any.
 *
 * @throws conflict
 */
export async function checkExposed({ state, kernel }: Context, sandbox: NamedSandbox): Promise<void> {
  const { netns, exposed } = sandbox;
  if (netns.kind === 'own' || exposed.length === 0) return;
  const path = netns.kind === 'shared' ? netns.path : kernel.netns;
  const others = state.read((view) =>
    view
      .sandboxes()
      .filter((other) => other.id !== sandbox.id && isIn(netns, other) && stateOf(other) !== 'exited'),
  );
  for (const port of exposed) {
    const who = (await findListener(port, path)) ?? findSandboxWith(others, port);
    if (who === undefined) continue;
    const where = netns.kind === 'shared' ? `shares its ports with ${netns.name}` : "has the host's ports";
    throw new TsnetError(
      'conflict',
      `make sandbox ${sandbox.name}: it ${where}, and ${who} has port ${port.port}/${port.protocol}`,
      { subject: `port ${port.port}/${port.protocol}` },
    );
  }
}

function isIn(netns: NamedSandbox['netns'], other: NamedSandbox): boolean {
  if (netns.kind !== 'shared') return other.netns.kind === netns.kind;
  return other.id === netns.owner || (other.netns.kind === 'shared' && other.netns.owner === netns.owner);
}

async function findListener(
  { protocol, port }: ExposedPort,
  path: string | undefined,
): Promise<string | undefined> {
  // The kernel tells nothing about SCTP listeners here.
  if (protocol === 'sctp') return undefined;
  const [listener] = await listListeners({
    protocol,
    ports: { first: port, last: port },
    ...(path === undefined ? {} : { netns: path }),
  });
  if (listener === undefined) return undefined;
  const owner = (await findSocketOwners([listener.inode])).get(listener.inode);
  return owner === undefined
    ? 'a listening socket'
    : `process ${printable(owner.command)} (pid ${owner.pid})`;
}

function findSandboxWith(others: readonly NamedSandbox[], wanted: ExposedPort): string | undefined {
  const other = others.find(({ exposed }) =>
    exposed.some(({ protocol, port }) => protocol === wanted.protocol && port === wanted.port),
  );
  return other === undefined ? undefined : `sandbox ${other.name}`;
}
