import type { ProcessUser } from './resolve-user.ts';

/**
 * The environment of a command: ours, whose user it is, and what was wished, which counts most.
 *
 * @param wishes `NAME=VALUE`
 */
export function environmentOf(
  ours: NodeJS.ProcessEnv,
  user: ProcessUser | undefined,
  wishes: readonly string[],
): NodeJS.ProcessEnv {
  return {
    ...ours,
    ...(user === undefined ? {} : ofUser(user)),
    ...Object.fromEntries(wishes.map(separate)),
  };
}

/** What login(1) says of a user; undefined takes a variable away. */
function ofUser({ name, home }: ProcessUser): NodeJS.ProcessEnv {
  return { HOME: home, USER: name, LOGNAME: name };
}

function separate(wish: string): [string, string] {
  const at = wish.indexOf('=');
  return [wish.slice(0, at), wish.slice(at + 1)];
}
