import { expect, it } from 'vitest';
import {
  findTranslations,
  parseRuleSets,
  walk,
  type Hook,
  type Packet,
} from '../../../src/inspect/rules/index.ts';
import { parseSave } from '../../../src/kernel/iptables/index.ts';
import { parseIp } from '../../../src/model/index.ts';
import type { RuleSets } from '../../../src/observe/host/snapshot.ts';
import { readRecordings } from '../../fuzz/corpus.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';

const recorded = readRecordings('rule-sets', /\.json$/);
const hooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
const packet: Packet = {
  family: 4,
  protocol: 'tcp',
  source: parseIp('192.0.2.2'),
  sourcePort: 40_000,
  destination: parseIp('192.0.2.1'),
  destinationPort: 8088,
  inLink: 'uplink0',
  connection: 'new',
  localAddresses: [parseIp('192.0.2.1')],
};
const packet6: Packet = {
  ...packet,
  family: 6,
  protocol: 'udp',
  source: parseIp('2001:db8::2'),
  destination: parseIp('2001:db8::1'),
  localAddresses: [parseIp('2001:db8::1')],
};

it(
  'rules of any author are followed as far as they are understood',
  async () => {
    const outcomes = await fuzz({
      name: 'rules',
      form: 'json',
      inputs: 600,
      seeds: recorded,
      answer: (bytes) => {
        const given = asRuleSets(bytes.toString('utf8'));
        if (given === undefined) return 'no text';
        const rules = parseRuleSets(given);
        findTranslations(rules, { protocol: 'tcp', port: 8088 });
        for (const hook of hooks) for (const one of [packet, packet6]) walk(rules, hook, one);
        return 'answered';
      },
    });
    expect(outcomes.get('answered')).toBeGreaterThan(300);
  },
  fuzzTime,
);

it(
  'any text is read as iptables-save would have written it',
  async () => {
    const texts = recorded.flatMap((one) => (JSON.parse(one) as RuleSets).iptables.map(({ text }) => text));
    await fuzz({
      name: 'iptables-save',
      form: 'text',
      inputs: 3_000,
      seeds: texts,
      dictionary: [
        '*nat',
        'COMMIT',
        ':DOCKER - [0:0]',
        '-A',
        '-j',
        '--dport',
        '"',
        '\\',
        '!',
        '-m comment --comment',
      ],
      answer: (bytes) => parseSave(bytes.toString('utf8')),
    });
  },
  fuzzTime,
);

/** What `nft --json` prints may be anything; the texts beside it are texts. */
function asRuleSets(text: string): RuleSets | undefined {
  try {
    const value = JSON.parse(text) as { readonly nft?: unknown; readonly iptables?: unknown };
    const iptables = Array.isArray(value.iptables) ? (value.iptables as RuleSets['iptables'][number][]) : [];
    return { nft: value.nft, iptables: iptables.filter((one) => typeof one?.text === 'string') };
  } catch {
    return undefined;
  }
}
