import { parseArgs } from 'node:util';
import { formatResults } from './format-results.ts';
import { lanes, type LaneResult } from './lanes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
const [chosen = 'all', ...more] = positionals;
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (chosen !== 'all' && !Object.hasOwn(lanes, chosen)) {
  end(`unknown lane ${chosen}; known: ${Object.keys(lanes).join(', ')}, all`);
}
if (more.length > 0) end(`one lane at a time, or all: ${more.join(' ')} is too much`);
if (!Number.isSafeInteger(rounds) || rounds < 1) end(`--rounds ${values.rounds}: not a number from 1`);
if (!Number.isSafeInteger(seed) || seed < 0) end(`--seed ${values.seed}: not a number from 0`);

const begin = performance.now();
const onProgress = (text: string): void => {
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  console.error(`torture: ${seconds.padStart(5)} s  ${text}`);
};
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    onProgress('ends after this round');
    stop.abort();
  });
}
const results: LaneResult[] = [];
let isBroken = false;
for (const [name, lane] of Object.entries(lanes)) {
  if (stop.signal.aborted || (chosen !== 'all' && chosen !== name)) continue;
  try {
    for await (const result of lane({ rounds, seed, only: values.only, onProgress, signal: stop.signal }))
      results.push(result);
  } catch (error) {
    isBroken = true;
    console.error(`torture: ${name}:`, error);
  }
}
console.log(values.json ? JSON.stringify({ seed, results }, undefined, 2) : formatResults(results));
process.exitCode = isBroken || results.some(({ failures }) => failures > 0) ? 1 : 0;

function end(message: string): never {
  console.error(`torture: ${message}`);
  process.exit(2);
}
