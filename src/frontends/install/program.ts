import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TsnetError } from '../../model/index.ts';
import { packageFolder } from './package-folder.ts';

/** Where services look for programs. Source: systemd.exec(5), Environment variables in spawned processes. */
const usualFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The path by which others should start a program of this package, such as `tsnet`.
 *
 * A link on the search path that leads to it is preferred and not resolved: package managers point the link at the new
 * version, while what it points at may move (pnpm and version managers have the version in the path). Without a link
 * it is the file in the package's folder, which npm replaces in place.
 *
 * @throws unsupported when the package was not built
 */
export function stablePath(name: string, searchPath = process.env['PATH'] ?? ''): string {
  const program = join(packageFolder(), 'dist', name);
  if (!existsSync(program)) {
    throw new TsnetError('unsupported', `find ${program}: it is not there`, { hint: 'npm run build' });
  }
  const own = realpathSync(program);
  const folders = [...usualFolders, ...searchPath.split(':').filter((folder) => folder.startsWith('/'))];
  return folders.map((folder) => join(folder, name)).find((link) => leadsTo(link, own)) ?? program;
}

/** A search path for services on which `node` is the one that runs this process. */
export function serviceSearchPath(): string {
  const own = realpathSync(process.execPath);
  const first = usualFolders.map((folder) => join(folder, 'node')).find((path) => existsSync(path));
  const isUsual = first !== undefined && leadsTo(first, own);
  return [...(isUsual ? [] : [dirname(process.execPath)]), ...usualFolders].join(':');
}

function leadsTo(link: string, target: string): boolean {
  return existsSync(link) && realpathSync(link) === target;
}
