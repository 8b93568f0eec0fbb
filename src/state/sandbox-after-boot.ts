import type { NamedSandbox } from '../model/index.ts';

/**
 * What a boot leaves of a sandbox: one that has ended. Undefined for one of which nothing was to be kept, or whose command
 * has never begun. Numbers of processes and namespaces come again after a boot, so none of them stays.
 */
export function sandboxAfterBoot(sandbox: NamedSandbox): NamedSandbox | undefined {
  const { creator: _, process, end, formerEnd, ...rest } = sandbox;
  // Whoever saw it end with the host could not write it down.
  const lastEnd = end ?? (process === undefined ? formerEnd : {});
  if (rest.isRemovedAtEnd || lastEnd === undefined) return undefined;
  const { netns } = rest;
  return { ...rest, netns: netns.kind === 'own' ? { kind: 'own', path: netns.path } : netns, end: lastEnd };
}
