import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runCni } from '../../../../src/frontends/cni/index.ts';
import { noHost } from './call.ts';
import { generator, strangeCall } from './strange-calls.ts';

const rounds = 100_000;

it(`answers ${rounds} strange calls with one error each`, { timeout: 120_000 }, async () => {
  const seed = Number(process.env['TSNET_TEST_SEED'] ?? 20_261_121);
  const random = generator(seed);
  // Most of the time would go into stacks that nobody reads.
  Error.stackTraceLimit = 0;
  const descriptors = readdirSync('/proc/self/fd').length;
  const codes = new Map<number, number>();
  for (let round = 0; round < rounds; round += 1) {
    const { env, stdin, name } = strangeCall(random);
    const answer = await runCni(noHost, { env, stdin, name });
    const told = () => `seed ${seed}, round ${round}: ${JSON.stringify({ env, stdin, answer })}`;
    if (answer.exitCode !== 1 || answer.stderr !== undefined) throw new Error(told());
    const error = JSON.parse(answer.stdout) as Record<string, unknown>;
    const { code, msg, cniVersion } = error;
    if (typeof code !== 'number' || code === 999 || typeof msg !== 'string' || msg === '')
      throw new Error(told());
    if (typeof cniVersion !== 'string' || /[\p{Cc}\p{Cf}]/u.test(msg)) throw new Error(told());
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  expect([...codes.keys()].sort((one, other) => one - other)).toEqual([1, 2, 4, 6, 7, 8, 50, 51]);
  expect(readdirSync('/proc/self/fd').length).toBe(descriptors);
});
