import type { EngineView } from '../engines/container-view.ts';
import { shellWord } from './shell-word.ts';

type Kind = EngineView['kind'];

/** The programs by which people command an engine. Who calls CNI is not known. */
const clients: Readonly<Partial<Record<Kind, string>>> = {
  docker: 'docker',
  podman: 'podman',
  netavark: 'podman',
  containerd: 'nerdctl',
  tsnet: 'tsnet',
};

/** How a container comes into one more network; where it is missing there is no such command. */
const connecting: Readonly<Partial<Record<Kind, string>>> = {
  docker: 'docker network connect',
  podman: 'podman network connect',
  tsnet: 'tsnet connect',
};

/** The command that has an engine do something with a container; none where nobody can be told. */
export function engineCommand(
  engine: Pick<EngineView, 'kind'> | undefined,
  verb: 'start' | 'restart' | 'unpause' | 'logs',
  container: string,
): string[] {
  const client = clients[engine?.kind ?? 'docker'];
  return client === undefined ? [] : [`${client} ${verb} ${shellWord(container)}`];
}

/** The command that brings a container into a network; none where they are of different engines. */
export function connectCommand(
  engine: Kind | undefined,
  { name, engine: owner }: { readonly name: string; readonly engine: Kind | undefined },
  container: string,
): string[] {
  const words = engine === undefined || engine !== owner ? undefined : connecting[engine];
  return words === undefined ? [] : [`${words} ${shellWord(name)} ${shellWord(container)}`];
}

/** The words before a command that is to run in the network of a sandbox, as who may change it. */
export function insideSandbox(name: string): string {
  return `tsnet exec -u 0 ${shellWord(name)} -- `;
}
