import { expect, it } from 'vitest';
import { runNetavark } from '../../../src/frontends/netavark/index.ts';
import { readRecordings } from '../../fuzz/corpus.ts';
import { mutateJson, wordsOf, type Json } from '../../fuzz/mutate-json.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';
import { createHost } from '../../support/host.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns } from '../../support/netns.ts';

const calls = readRecordings('netavark', /\.jsonl$/).map(
  (line) => JSON.parse(line) as { readonly args: readonly string[]; readonly request: Json },
);

it(
  'changed calls of Podman are answered, and their teardown leaves nothing',
  async () => {
    await using host = await createHost();
    await using box = await createNetns('box');
    const inside = await hostFacts(box);
    const words = wordsOf(...calls.map(({ request }) => request));
    const run = async (word: string, stdin: string) => {
      const answer = await runNetavark(async () => host.context, { args: [word, box.path], env: {}, stdin });
      const { error } = (answer.stdout === '' ? {} : JSON.parse(answer.stdout)) as {
        readonly error?: string;
      };
      if (/[\p{Cc}\u2028\u2029]/u.test(error ?? '')) throw new Error(`controls a terminal: ${answer.stdout}`);
      if (/Cannot read|is not a function|undefined|not iterable|Invalid/.test(error ?? ''))
        throw new Error(error);
      return { ...answer, error };
    };
    const outcomes = await fuzz({
      name: 'netavark-calls',
      form: 'bytes',
      inputs: 120,
      seeds: ['x'],
      answer: async (_, random) => {
        const { args, request } = random.pick(calls);
        const [word = ''] = args;
        const stdin = mutateJson(random, request, words);
        const { exitCode, error } = await run(word, stdin);
        if (word !== 'setup') return `${word} ${exitCode}`;
        const ended = await run('teardown', stdin);
        if (exitCode === 0 && ended.exitCode !== 0) throw new Error(`no teardown: ${stdin} ${ended.error}`);
        const left = Object.keys(host.context.state.dump()).filter((key) =>
          /^(?:endpoint|address|port)\//.test(key),
        );
        if (left.length > 0) throw new Error(`${stdin} (${error}) leaves ${left.join()}`);
        return `${word} ${exitCode}`;
      },
    });
    expect(outcomes.get('setup 0')).toBeGreaterThan(5);
    expect(outcomes.get('setup 1')).toBeGreaterThan(5);
    expect(await hostFacts(box)).toEqual(inside);
    expect((await host.netns.exec('ip', '-o', 'link')).stdout).not.toContain('tsv-');
  },
  fuzzTime,
);
