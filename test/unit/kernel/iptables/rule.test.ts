import { describe, expect, it } from 'vitest';
import { parseRule } from '../../../../src/kernel/iptables/parse-save.ts';
import {
  interfacesNamed,
  quoteArgument,
  ruleArguments,
  type Rule,
} from '../../../../src/kernel/iptables/rule.ts';
import { parseIfName, parseIp, parsePort, parseSubnet } from '../../../../src/model/index.ts';

const bridge = parseIfName('tsb-a');

describe('ruleArguments', () => {
  it.each<[string, Rule]>([
    ['-j ACCEPT', { target: 'ACCEPT' }],
    ['-j TSNET-X', { target: { jump: 'TSNET-X' } }],
    [
      '-i tsb-a -o tsb-+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      {
        inInterface: bridge,
        outInterface: interfacesNamed(parseIfName('tsb-')),
        connection: 'known',
        target: 'ACCEPT',
      },
    ],
    [
      '-d 192.0.2.1/32 -p udp -m udp --dport 53 -m comment --comment endpoint:4f -j DNAT --to-destination 10.1.0.2:53',
      {
        destination: parseIp('192.0.2.1'),
        protocol: 'udp',
        destinationPort: parsePort(53),
        comment: 'endpoint:4f',
        target: { address: parseIp('10.1.0.2'), port: parsePort(53) },
      },
    ],
    [
      '-s fd00::/64 -d fd00::1/128 ! -o tsb-a -j DNAT --to-destination [fd00::2]:80',
      {
        source: parseSubnet('fd00::/64'),
        destination: parseIp('fd00::1'),
        notOutInterface: bridge,
        target: { address: parseIp('fd00::2'), port: parsePort(80) },
      },
    ],
    [
      '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j RETURN',
      { notDestination: parseSubnet('127.0.0.0/8'), isForHost: true, target: 'RETURN' },
    ],
  ])('%s', (text, rule) => {
    expect(ruleArguments(rule).join(' ')).toBe(text);
  });
});

describe('quoteArgument', () => {
  it.each(['plain', 'network:4f2a', '[fd00::2]:80', 'tsb-+', 'two words', 'a"b\\c', '', "it's", '-j X'])(
    '%j is read back',
    (argument) => {
      const { arguments: found } = parseRule(`-m comment --comment ${quoteArgument(argument)}`);
      expect(found).toEqual(['-m', 'comment', '--comment', argument]);
    },
  );
});
