import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { TsnetError } from '../../model/index.ts';
import { readIfThere, type InstallFile } from './docker-files.ts';
import type { Step } from './step.ts';

/**
 * What is to be done so that the files are as wanted.
 *
 * @throws conflict for a file that somebody else wrote or changed, before anything is done
 */
export function planFiles(files: readonly InstallFile[]): Step[] {
  const steps = files.flatMap(planFile);
  const obstacles = steps.filter(({ action }) => action === 'leave');
  if (obstacles.length === 0) return steps;
  const list = obstacles.map(({ subject, reason }) => `${subject} (${reason})`).join(', ');
  throw new TsnetError('conflict', `install: in the way: ${list}`, {
    hint: 'move it away; settings of this host belong into /etc/default/tsnet or "systemctl edit tsnet"',
  });
}

/** What is to be done so that the files are gone; what somebody else wrote or changed is left. */
export function planRemoval(files: readonly InstallFile[]): Step[] {
  return files.flatMap((file) => {
    const { text: _, ...place } = file;
    return planFile(place);
  });
}

/** Does what was planned. @throws denied, kernel */
export function applyFiles(files: readonly InstallFile[], steps: readonly Step[]): void {
  const actions = new Map(steps.map(({ subject, action }) => [subject, action]));
  for (const { path, text, encoding, mode } of files) {
    const action = actions.get(path);
    try {
      if (action === 'remove') rmSync(path);
      if (text !== undefined && (action === 'write' || action === 'replace')) {
        writeWhole(path, Buffer.from(text, encoding), mode);
      }
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
      const isDenied = ['EACCES', 'EPERM', 'EROFS'].includes(code);
      throw new TsnetError(isDenied ? 'denied' : 'kernel', `${action} ${path}: ${code}`, {
        subject: path,
        cause,
      });
    }
  }
}

function planFile({ path, text, encoding, ownershipOf }: InstallFile): Step[] {
  const found = readIfThere(path, encoding);
  if (found === undefined) return text === undefined ? [] : [{ action: 'write', subject: path }];
  if (found === text) return [{ action: 'keep', subject: path, reason: 'it is up to date' }];
  switch (ownershipOf(found)) {
    case 'ours':
      return [{ action: text === undefined ? 'remove' : 'replace', subject: path }];
    case 'changed':
      return [{ action: 'leave', subject: path, reason: 'somebody changed it since it was installed' }];
    case 'foreign':
      return [{ action: 'leave', subject: path, reason: 'tsnet did not write it' }];
  }
}

/** Others see the old content or the new one, never a part; and a program that runs keeps the old one. */
function writeWhole(path: string, content: Buffer, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.tsnet-new`;
  writeFileSync(draft, content, { mode });
  chmodSync(draft, mode);
  renameSync(draft, path);
}
