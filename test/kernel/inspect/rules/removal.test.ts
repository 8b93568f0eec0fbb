import { describe, expect, it } from 'vitest';
import { parseRuleSets, type Rules } from '../../../../src/inspect/rules/index.ts';
import { createNetns } from '../../../support/netns.ts';
import { feed, loadRandomRules, readRuleSets } from './lab.ts';
import { Dice } from './random-rules.ts';

describe('the command that takes a rule away', () => {
  it.each([4, 6] as const)('does so for every rule, pasted into a shell, IPv%i', async (family) => {
    await using host = await createNetns('removal');
    for (const seed of [1, 2, 3]) {
      await loadRandomRules(family, host, new Dice(seed), true);
      const rules = rulesOf(parseRuleSets(await readRuleSets(family, host)));
      expect(rules.length).toBeGreaterThan(5);
      await feed(host, ['sh', '-e'], rules.map(({ removal }) => removal).join('\n'));
      expect(rulesOf(parseRuleSets(await readRuleSets(family, host)))).toEqual([]);
    }
  });

  it('takes comments of others for words', async () => {
    await using host = await createNetns('hostile');
    const comment = `$(touch /tmp/tsnet-pasted) 'a' "b" \\ ; !`;
    await host.exec('iptables-nft', '-A', 'FORWARD', '-m', 'comment', '--comment', comment, '-j', 'DROP');
    const [rule] = rulesOf(parseRuleSets(await readRuleSets(4, host)));
    await feed(host, ['sh', '-e'], rule?.removal ?? 'false');
    expect(rulesOf(parseRuleSets(await readRuleSets(4, host)))).toEqual([]);
    await expect(host.exec('test', '-e', '/tmp/tsnet-pasted')).rejects.toThrow();
  });
});

function rulesOf({ tables }: Rules) {
  return tables.flatMap(({ chains }) => [...chains.values()].flatMap(({ rules }) => rules));
}
