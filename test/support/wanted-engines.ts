import type { EngineVersion } from './engine.ts';

const known: readonly EngineVersion[] = ['20.10', '26.1', '28.5'];

/**
 * The engines to test with: TSNET_TEST_ENGINES is `all`, or versions with commas; without it the one of this machine,
 * which stands as undefined.
 */
export function wantedEngines(): readonly (EngineVersion | undefined)[] {
  const wanted = process.env['TSNET_TEST_ENGINES'];
  if (wanted === undefined) return [undefined];
  return known.filter((each) => wanted === 'all' || wanted.split(',').includes(each));
}
