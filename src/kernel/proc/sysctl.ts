import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { invalid } from '../../model/errors.ts';
import { native } from '../native.ts';
import { fromNativeError } from '../netlink/errno.ts';

const root = '/proc/sys/net';

/** Names separated by slashes, as interface names may hold dots; `.` and `..` alone are none. */
const pathPattern = /^(?!\.{1,2}(?:\/|$))[^/\s\0]+(?:\/(?!\.{1,2}(?:\/|$))[^/\s\0]+)*$/;

/**
 * Reads a kernel setting, without the newline at its end.
 *
 * @param path relative to `/proc/sys/net`, with slashes, such as `ipv4/conf/eth0.5/forwarding`
 * @param netns path of a namespace; absent means the process's own
 * @throws not-found when the kernel has no such setting, denied, invalid-input for a path that leads elsewhere
 */
export function readSysctl(path: string, netns?: string): string {
  return withSetting('read', path, netns, constants.O_RDONLY, (descriptor) =>
    readFileSync(descriptor, 'latin1').replace(/\n$/, ''),
  );
}

/**
 * Writes a kernel setting.
 *
 * @throws as `readSysctl`, and kernel (EINVAL) for a value the setting does not take
 */
export function writeSysctl(path: string, value: string, netns?: string): void {
  withSetting('write', path, netns, constants.O_WRONLY, (descriptor) => writeSync(descriptor, value));
}

function withSetting<Result>(
  verb: string,
  path: string,
  netns: string | undefined,
  flags: number,
  use: (descriptor: number) => Result,
): Result {
  if (!pathPattern.test(path)) throw invalid('sysctl', path, 'a path below net such as ipv4/ip_forward');
  try {
    const file = `${root}/${path}`;
    const descriptor = netns === undefined ? openSync(file, flags) : native().openFileIn(netns, file, flags);
    try {
      return use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromNativeError(`${verb} sysctl net/${path}${netns === undefined ? '' : ` in ${netns}`}`, error);
  }
}
