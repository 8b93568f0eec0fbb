import { readSysctl } from '../kernel/proc/sysctl.ts';
import { TsnetError } from '../model/index.ts';
import type { Kernel } from './observe.ts';

/** The setting of one link. */
const ofLink = /^(ipv[46])\/conf\/([^/]+)\/([^/]+)$/;

/**
 * Values of settings by path below `/proc/sys/net`; those that the kernel does not have are absent. What belongs to a link
 * is asked for with the link: one question instead of a file for each.
 */
export function readSettings(
  kernel: Pick<Kernel, 'netns' | 'rtnetlink'>,
  paths: readonly string[],
): ReadonlyMap<string, string> {
  const links = new Set(paths.flatMap((path) => ofLink.exec(path)?.[2] ?? []));
  const ofLinks = links.size === 0 ? undefined : kernel.rtnetlink.readLinkSettings([...links]);
  return new Map(
    paths.flatMap((path): [string, string][] => {
      const [, family = '', link = '', name = ''] = ofLink.exec(path) ?? [];
      const value = ofLinks?.get(link)?.[`${family}/${name}`] ?? readIfPresent(kernel, path);
      return value === undefined ? [] : [[path, value]];
    }),
  );
}

/** One setting, from its file. */
export function readIfPresent({ netns }: Pick<Kernel, 'netns'>, path: string): string | undefined {
  try {
    return readSysctl(path, netns);
  } catch (error) {
    if (error instanceof TsnetError && error.kind === 'not-found') return undefined;
    throw error;
  }
}
