import { readFileSync } from 'node:fs';
import { printable, TsnetError } from '../model/index.ts';

/** Whom a process belongs to. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly home: string;
  /** Absent where the number has no entry. */
  readonly name?: string;
}

/** `passwd(5)` and `group(5)`: lines of fields with colons between them. */
interface Files {
  readonly passwd: string;
  readonly group: string;
}

const largestId = 0xffff_fffe;

/**
 * Reads `USER[:GROUP]`, each a name or a number. Without a group a user has all of its own; a number without an entry
 * stands for itself, in group 0 and at home in `/`. Names of other sources than the two files are not known.
 *
 * Source: github.com/moby/sys user, `GetExecUser`.
 *
 * @throws not-found for a name without an entry, or a number that can't be one
 */
export function resolveUser(text: string, files: Files = readFiles()): ProcessUser {
  const at = text.indexOf(':');
  const [wantedUser, wantedGroup] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  const users = rows(files.passwd);
  const groups = rows(files.group);
  const user = users.find(([name, , uid]) =>
    wantedUser === '' ? uid === String(process.getuid?.()) : name === wantedUser || uid === wantedUser,
  );
  const uid = idOf(user?.[2] ?? wantedUser, 'user', wantedUser);
  const home = user?.[5] ?? '';
  const identity = {
    uid,
    home: home === '' ? '/' : home,
    ...(user?.[0] === undefined ? {} : { name: user[0] }),
  };
  if (wantedGroup === '') {
    const isMember = (members: string | undefined) =>
      user?.[0] !== undefined && members?.split(',').includes(user[0]) === true;
    const supplementary = groups.filter(([, , , members]) => isMember(members));
    return {
      ...identity,
      gid: idOf(user?.[3] ?? '0', 'group of user', wantedUser),
      groups: supplementary.map(([name = '', , gid = '']) => idOf(gid, 'group', name)),
    };
  }
  const group = groups.find(([name, , gid]) => name === wantedGroup || gid === wantedGroup);
  return { ...identity, gid: idOf(group?.[2] ?? wantedGroup, 'group', wantedGroup), groups: [] };
}

function idOf(text: string, what: string, wanted: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= largestId) return Number(text);
  throw new TsnetError('not-found', `--user: ${what} ${printable(wanted)} is not known`, {
    subject: wanted,
    hint:
      what === 'user' ? 'getent passwd; a number needs no entry' : 'getent group; a number needs no entry',
  });
}

function rows(text: string): string[][] {
  return text.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.split(':')]));
}

function readFiles(): Files {
  return { passwd: read('/etc/passwd'), group: read('/etc/group') };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
