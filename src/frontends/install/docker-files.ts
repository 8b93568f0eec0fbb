import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownershipOf, sign, type Ownership } from './signature.ts';
import { packageFolder } from './package-folder.ts';
import { serviceSearchPath, stablePath } from './program.ts';
import { shellWord, unitValue, unitWord } from './quote.ts';

/** Where an engine finds a driver of this name without being told. Source: Docker's plugin_api. */
export const defaultSocket = '/run/docker/plugins/tsnet.sock';

/** The units of systemd, as its commands name them. */
export const units = ['tsnet.socket', 'tsnet.service'] as const;

/** A file of the installation. */
export interface InstallFile {
  /** Absolute, below the prefix. */
  readonly path: string;
  /** Absent when the file is not to be there. */
  readonly text?: string;
  /** Absent: UTF-8. A program is a text of bytes, `latin1`. */
  readonly encoding?: 'latin1';
  readonly mode: number;
  /** Whose a text is that was found at the path. */
  readonly ownershipOf: (text: string) => Ownership;
}

/** Where the files lie. The folder is one that both Debian's and Docker's own client search. */
const paths = {
  socket: 'etc/systemd/system/tsnet.socket',
  service: 'etc/systemd/system/tsnet.service',
  spec: 'etc/docker/plugins/tsnet.spec',
  clientPlugin: 'usr/local/lib/docker/cli-plugins/docker-tsnet',
} as const;

/**
 * The files of an installation for Docker: the units, a pointer to the socket where the engine would not find it by
 * itself, and the plugin of Docker's client.
 *
 * @param prefix folder that stands for `/`
 * @throws unsupported when the package was not built
 */
export function dockerFiles(prefix: string, socket: string): InstallFile[] {
  const installed = listeningSocket(prefix);
  return [
    signed(prefix, paths.socket, 0o644, 'systemd/tsnet.socket.in', { socket: unitValue(socket) }),
    signed(prefix, paths.service, 0o644, 'systemd/tsnet.service.in', {
      program: unitWord(stablePath('tsnet')),
      path: unitWord(`PATH=${serviceSearchPath()}`),
    }),
    {
      path: join(prefix, paths.spec),
      ...(socket === defaultSocket ? {} : { text: specOf(socket) }),
      mode: 0o644,
      // The engine takes no comment there. What names our socket is ours.
      ownershipOf: (text) =>
        text === specOf(socket) || text === specOf(installed ?? '') ? 'ours' : 'foreign',
    },
    signed(prefix, paths.clientPlugin, 0o755, 'docker-client/docker-tsnet.link.in', {
      plugin: shellWord(stablePath('docker-tsnet')),
    }),
  ];
}

/** The same places, with nothing wanted there. */
export function noDockerFiles(prefix: string): InstallFile[] {
  const spec = specOf(listeningSocket(prefix) ?? '');
  return Object.values(paths).map((path) => ({
    path: join(prefix, path),
    mode: 0o644,
    ownershipOf: path === paths.spec ? (text) => (text === spec ? 'ours' : 'foreign') : ownershipOf,
  }));
}

/** Where the installed socket unit listens; undefined without one that is ours. */
export function listeningSocket(prefix: string): string | undefined {
  const text = readIfThere(join(prefix, paths.socket));
  if (text === undefined || ownershipOf(text) === 'foreign') return undefined;
  return /^ListenStream=(.+)$/m.exec(text)?.[1]?.replaceAll('%%', '%');
}

/** The text of a file; undefined when there is none. */
export function readIfThere(path: string, encoding: 'utf8' | 'latin1' = 'utf8'): string | undefined {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function specOf(socket: string): string {
  return `unix://${socket}\n`;
}

function signed(
  prefix: string,
  path: string,
  mode: number,
  template: string,
  values: Readonly<Record<string, string>>,
): InstallFile {
  const text = readFileSync(join(packageFolder(), 'plugins', template), 'utf8');
  const filled = text.replaceAll(/@(\w+)@/g, (whole, name: string) => values[name] ?? whole);
  return { path: join(prefix, path), text: sign(filled), mode, ownershipOf };
}
