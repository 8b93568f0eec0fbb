import { writeFileSync } from 'node:fs';
import { TsnetError } from '../../src/model/index.ts';
import { keep, readCorpus } from './corpus.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutateJson, wordsOf, type Json } from './mutate-json.ts';
import { mutateText } from './mutate-text.ts';
import { Random } from './random.ts';

/** A kind of input, and what it is tried on. */
export interface Fuzzed {
  /** The folder of its corpus in test/fixtures/fuzz. */
  readonly name: string;
  /** How many inputs one pass tries beside the corpus. */
  readonly inputs: number;
  /** Documents that are right, beside those of the corpus. */
  readonly seeds?: readonly string[];
  /** `json` changes values and keys, `text` words, `bytes` bits and lengths. */
  readonly form: 'json' | 'text' | 'bytes';
  /** Words of the field, beside those of JSON seeds. */
  readonly dictionary?: readonly string[];
  /** Answers the input, or throws a `TsnetError`. What it returns is counted, `answered` without a word. */
  readonly answer: (input: Buffer, random: Random) => unknown;
}

/** Passes, each with a seed of its own. */
const passes = Number(process.env['TSNET_FUZZ_ROUNDS'] ?? 1);
const firstSeed = Number(process.env['TSNET_FUZZ_SEED'] ?? 1);
/** Found inputs are kept in the corpus; the input under way is written to a file, for one that never ends. */
const { TSNET_FUZZ_KEEP: keeps, TSNET_FUZZ_TRACE: trace } = process.env;

/** For `it`, whose own time is over before many passes are. */
export const fuzzTime = 120_000 * passes;

const longestMs = 2_000;
const mostGrowth = 512 << 20;

/**
 * Tries the corpus as it is, then changed inputs, and says how they were answered, by number.
 *
 * @throws Error with the first input whose answer is none: not a `TsnetError` or one of kind `bug`, more than two seconds
 *   of processor time, a prototype that was changed, or memory that grows
 */
export async function fuzz(fuzzed: Fuzzed): Promise<Map<string, number>> {
  const { name, inputs, form, dictionary = [] } = fuzzed;
  const kept = readCorpus(name);
  const seeds = [...kept.map(({ bytes }) => bytes), ...(fuzzed.seeds ?? []).map((text) => Buffer.from(text))];
  const mutate = mutatorOf(form, seeds, dictionary);
  const outcomes = new Map<string, number>();
  const judge = async (bytes: Buffer, random: Random, told: string): Promise<void> => {
    if (trace !== undefined) writeFileSync(trace, bytes);
    const { outcome, fault } = await attempt(() => fuzzed.answer(bytes, random));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (fault === undefined) return;
    const isText = form !== 'bytes';
    const place = keeps === undefined ? '' : `, kept in ${keep(name, bytes, isText)}`;
    const shown = isText
      ? JSON.stringify(bytes.toString('utf8').slice(0, 2_000))
      : bytes.toString('hex').slice(0, 4_000);
    throw new Error(`${name}, ${told}${place}: ${fault.message}\n${shown}`, { cause: fault });
  };
  for (const { file, bytes } of kept) await judge(bytes, new Random(firstSeed), file);
  const before = process.memoryUsage.rss();
  for (let pass = 0; pass < passes; pass += 1) {
    const seed = firstSeed + pass;
    const random = new Random(seed);
    for (let input = 0; input < inputs; input += 1) {
      await judge(mutate(random), random, `seed ${seed}, input ${input}`);
    }
  }
  const growth = process.memoryUsage.rss() - before;
  if (growth > mostGrowth) throw new Error(`${name}: memory grew by ${Math.round(growth / (1 << 20))} MiB`);
  return outcomes;
}

function mutatorOf(
  form: Fuzzed['form'],
  seeds: readonly Buffer[],
  dictionary: readonly string[],
): (random: Random) => Buffer {
  if (form === 'bytes') return (random) => mutateBytes(random, random.pick(seeds));
  const texts = seeds.map((seed) => seed.toString('utf8'));
  if (form === 'text') return (random) => Buffer.from(mutateText(random, random.pick(texts), dictionary));
  // What was found may be no JSON any more.
  const documents = texts.flatMap((text) => parsed(text));
  const words = [...wordsOf(...documents), ...dictionary];
  return (random) => Buffer.from(mutateJson(random, random.pick(documents), words));
}

function parsed(text: string): Json[] {
  try {
    return [JSON.parse(text) as Json];
  } catch {
    return [];
  }
}

async function attempt(answer: () => unknown): Promise<{ outcome: string; fault?: Error }> {
  const started = process.cpuUsage();
  let outcome = 'answered';
  let fault: Error | undefined;
  try {
    const word = await answer();
    if (typeof word === 'string') outcome = word;
  } catch (thrown) {
    outcome = thrown instanceof TsnetError ? thrown.kind : 'fault';
    if (!(thrown instanceof TsnetError) || thrown.kind === 'bug') {
      fault = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }
  const { user, system } = process.cpuUsage(started);
  const ms = (user + system) / 1_000;
  if (ms > longestMs) fault ??= new Error(`it took ${Math.round(ms)} ms of the processor`);
  if (Object.keys(Object.prototype).length > 0 || 'polluted' in {}) {
    fault ??= new Error('the prototype of all objects was changed');
  }
  return { outcome, ...(fault === undefined ? {} : { fault }) };
}
