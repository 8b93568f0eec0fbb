import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runCni } from '../../../src/frontends/cni/index.ts';
import { createHost } from '../../support/host.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns } from '../../support/netns.ts';
import { generator, strangeCall } from '../../unit/frontends/cni/strange-calls.ts';

const rounds = 400;

it(`${rounds} strange calls on a real host are answered each, and what a DEL can not name is nothing`, async () => {
  await using host = await createHost();
  await using box = await createNetns('pod');
  const random = generator(Number(process.env['TSNET_TEST_SEED'] ?? 5));
  const inside = await hostFacts(box);
  // What is opened at the first need stays open; after a hundred calls there is nothing new.
  let descriptors = 0;
  const outcomes = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    if (round === 100) descriptors = readdirSync('/proc/self/fd').length;
    const { stdin, name, env } = strangeCall(random);
    const call: Record<string, string> = {
      ...env,
      CNI_NETNS: env['CNI_NETNS'] === '/proc/self/ns/net' ? box.path : (env['CNI_NETNS'] ?? ''),
    };
    const answer = await runCni(async () => host.context, { env: call, stdin, name });
    const told = () => `round ${round}: ${JSON.stringify({ call, name, stdin, answer })}`;
    if (answer.stdout !== '') JSON.parse(answer.stdout);
    const { code } = (answer.exitCode === 0 ? {} : JSON.parse(answer.stdout)) as { code?: number };
    if (code === 999) throw new Error(told());
    const outcome = `${call['CNI_COMMAND'] ?? ''} ${code ?? 'ok'}`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (call['CNI_COMMAND'] !== 'ADD') continue;
    const ended = await runCni(async () => host.context, {
      env: { ...call, CNI_COMMAND: 'DEL' },
      stdin,
      name,
    });
    // What could not be read can not be ended either, and there is nothing of it.
    if (answer.exitCode === 0 && ended.exitCode !== 0) throw new Error(told() + ended.stdout);
    const left = Object.keys(host.context.state.dump()).filter((key) =>
      /^(?:endpoint|address|port|lease-of)\//.test(key),
    );
    if (left.length > 0) throw new Error(`${told()} leaves ${left.join()}`);
  }
  expect(outcomes.get('ADD ok')).toBeGreaterThan(rounds / 20);
  expect(await hostFacts(box)).toEqual(inside);
  expect((await host.netns.exec('ip', '-o', 'link')).stdout).not.toContain('tsv-');
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors);
});
