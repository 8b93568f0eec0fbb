import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxId } from '../model/index.ts';

/** The files of one sandbox. */
export interface SandboxFiles {
  readonly folder: string;
  /** What the sandbox sees as `/etc/hosts`; rewritten in place, since it is mounted there. */
  readonly hosts: string;
  readonly resolvConf: string;
  readonly hostname: string;
  /** What a detached command writes. */
  readonly log: string;
  /** The exit status of the command, as decimal digits and a line feed. */
  readonly exit: string;
}

/** Where the files of a sandbox lie. */
export function filesOf(runDirectory: string, id: SandboxId): SandboxFiles {
  const folder = join(runDirectory, 'sandboxes', id);
  return {
    folder,
    hosts: join(folder, 'hosts'),
    resolvConf: join(folder, 'resolv.conf'),
    hostname: join(folder, 'hostname'),
    log: join(folder, 'log'),
    exit: join(folder, 'exit'),
  };
}

/** Makes the folder of a sandbox. */
export function makeFolder({ folder }: SandboxFiles): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** Removes the files of a sandbox. */
export function removeFolder({ folder }: SandboxFiles): void {
  rmSync(folder, { recursive: true, force: true });
}

/** The ids of all sandboxes that have files. */
export function listFolders(runDirectory: string): SandboxId[] {
  try {
    return readdirSync(join(runDirectory, 'sandboxes')) as SandboxId[];
  } catch {
    return [];
  }
}

/** The exit status that the command's parent noted, if it did. */
export function readExit({ exit }: SandboxFiles): number | undefined {
  try {
    const text = readFileSync(exit, 'latin1');
    return /^\d{1,3}\n$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
