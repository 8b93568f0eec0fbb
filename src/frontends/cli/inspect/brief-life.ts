import { setFlagsFromString } from 'node:v8';

/**
 * By major version of V8, whose flags come and go: Node.js 20 has 11, 22 has 12, 24 has 13. Each lets a function run seven
 * times as long as usual before it is optimised. In 11, the young generation also grows to its full size at once, and the
 * old one is not searched for garbage beside the work.
 *
 * Source: V8 `flag-definitions.h`, sections tiering and heap.
 */
const patience: Readonly<Record<string, readonly string[]>> = {
  '11': ['--interrupt-budget=500000', '--semi-space-growth-factor=16', '--no-incremental-marking'],
  '12': ['--invocation-count-for-turbofan=20000', '--invocation-count-for-maglev=3000'],
  '13': ['--invocation-count-for-turbofan=20000', '--invocation-count-for-maglev=3000'],
};

/** Modules of Node.js that looks need, and that take long to compile. */
const modules = {
  http: () => import('node:http'),
  childProcess: () => import('node:child_process'),
} as const;

/**
 * Tells the engine that this process ends soon. Of half a second the optimising compiler would take a third of the time of
 * two cores and give nothing back. A version that is not known stays as it is.
 *
 * @param needed what is going to be loaded: Node.js brings its modules compiled for the usual flags, so that all that are
 *   loaded from now on are compiled anew, these two in 6 ms
 */
export async function prepareForBriefLife(needed: readonly (keyof typeof modules)[] = []): Promise<void> {
  await Promise.all(needed.map(async (name) => await modules[name]()));
  const [major = ''] = process.versions.v8.split('.');
  for (const flag of patience[major] ?? []) setFlagsFromString(flag);
}
