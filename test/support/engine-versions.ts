import type { EngineVersion } from './engine.ts';

const known: readonly EngineVersion[] = ['20.10', '26.1', '28.5'];

/**
 * The engines to test with, as options of `startEngine`. TSNET_TEST_ENGINES names them: `all`, or versions with commas;
 * default: this machine's.
 */
export function wantedEngines(): { readonly version?: EngineVersion }[] {
  const wanted = process.env['TSNET_TEST_ENGINES'];
  if (wanted === undefined) return [{}];
  return known
    .filter((each) => wanted === 'all' || wanted.split(',').includes(each))
    .map((version) => ({ version }));
}
