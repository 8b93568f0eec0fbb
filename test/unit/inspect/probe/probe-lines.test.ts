import { describe, expect, it } from 'vitest';
import {
  probeLines,
  refutedOrigins,
  type OriginResult,
} from '../../../../src/frontends/cli/commands/probe-port.ts';
import type { PortReport } from '../../../../src/inspect/port/index.ts';
import { parseIp } from '../../../../src/model/index.ts';

it('shows an attempt, what became of its packet, and what dropped it', () => {
  const lines = probeLines({
    results: [
      {
        origin: 'localhost',
        outcome: 'timeout',
        milliseconds: 1500.04,
        target: { protocol: 'tcp', ip: parseIp('198.18.7.1'), port: 8088 },
        from: 'cli\u001b[31m',
        sourcePort: 40_000,
        packet: {
          steps: [
            { kind: 'send', link: 'cli/eth0', microseconds: 0 },
            { kind: 'receive', link: 'host/vcli', microseconds: 1 },
            { kind: 'receive', link: 'host/br-app', microseconds: 2 },
          ],
          drop: {
            reason: 'NETFILTER_DROP',
            location: 'nft_do_chain',
            after: 'host/br-app',
            meaning: 'a rule dropped it',
          },
          isCertain: false,
        },
        rules: [
          {
            family: 'ip',
            table: 'filter',
            chain: 'DOCKER-USER',
            kind: 'rule',
            handle: 3,
            text: '-A DOCKER-USER -j DROP',
            verdict: 'drop',
            isAnswer: false,
          },
        ],
        setUp: ['tracefs x'],
        gaps: [],
      },
    ],
    notes: ['none from the LAN'],
  });
  expect(lines).toEqual([
    '✗ probe from cli?[31m to 198.18.7.1:8088/tcp: timeout after 1500.0 ms',
    '    packet: cli/eth0 → host/vcli → host/br-app',
    '    packet dropped after host/br-app: a rule dropped it [NETFILTER_DROP in nft_do_chain] (not certain: another packet may have been taken for it)',
    '    rule ip filter DOCKER-USER: -A DOCKER-USER -j DROP dropped the packet',
    '    set up and removed: tracefs x',
    'note: none from the LAN',
  ]);
});

describe('refutedOrigins', () => {
  const way = (from: string, verdict: 'works' | 'broken') =>
    ({ from, verdict }) as PortReport['ways'][number];
  const asked = (origin: string, outcome: OriginResult['outcome']) =>
    ({ results: [{ origin, outcome } as OriginResult], notes: [] }) as const;
  const refuted = (verdict: 'works' | 'broken', origin: string, outcome: OriginResult['outcome']) =>
    refutedOrigins({ ways: [way(origin, verdict)] } as unknown as PortReport, asked(origin, outcome));

  it('are those where an attempt failed that nothing forbids', () => {
    expect(refuted('works', 'localhost', 'timeout')).toEqual(['localhost']);
    expect(refuted('works', 'web', 'refused')).toEqual(['web']);
  });

  it.each([
    ['works', 'localhost', 'ok'],
    ['works', 'localhost', 'closed'],
    ['works', 'lan', 'timeout'],
    ['broken', 'localhost', 'timeout'],
  ] as const)(
    'are none with a way that is %s from %s and an attempt that is %s',
    (verdict, origin, outcome) => {
      expect(refuted(verdict, origin, outcome)).toEqual([]);
    },
  );
});
