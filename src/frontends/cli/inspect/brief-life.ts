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

/**
 * Tells the engine that this process ends soon. Of half a second the optimising compiler would take a third of the time of
 * two cores and give nothing back. A version that is not known stays as it is.
 */
export function prepareForBriefLife(): void {
  const [major = ''] = process.versions.v8.split('.');
  for (const flag of patience[major] ?? []) setFlagsFromString(flag);
}
