import { describe, expect, it } from 'vitest';
import { RowAligner } from '../../../../src/inspect/capture/align-rows.ts';
import { decodeFrame } from '../../../../src/inspect/capture/decode-frame.ts';
import { RowFormatter } from '../../../../src/inspect/capture/format-rows.ts';
import type { CapturePlan, PlannedTap, Stage } from '../../../../src/inspect/capture/taps-for.ts';
import { parseIp } from '../../../../src/model/index.ts';
import { frame, icmpError, type FrameParts } from './frames.ts';

const outer = { ips: [parseIp('198.18.7.1')], port: 8088 };
const inner = { ips: [parseIp('10.66.0.3')], port: 80 };
const tap = (name: string, stage: Stage): PlannedTap => ({
  name,
  stage,
  description: '',
  netns: 'net:1',
  doors: [],
  linkIndex: 1,
  linkName: name,
  hasLinkHeader: true,
  isLoopback: false,
  ends: [outer, inner],
});
const plan: CapturePlan = {
  protocol: 'tcp',
  taps: [tap('host/hx0', 'uplink'), tap('host/br-app', 'bridge'), tap('web/eth0', 'container')],
  targets: [],
  names: [],
  gaps: [],
};

const client = ['198.18.7.2', 41822] as const;
const [seen, translated] = [
  ['198.18.7.1', 8088],
  ['10.66.0.3', 80],
] as const;
const at = 1_763_726_400_000_000_000n;

/** What the taps saw, as text. */
function lines(
  frames: readonly (readonly [tap: number, microseconds: number, data: Buffer])[],
  most?: number,
): string[] {
  const aligner = new RowAligner(plan, most);
  const formatter = new RowFormatter(plan);
  for (const [index, microseconds, data] of frames) {
    const packet = {
      time: at + BigInt(microseconds) * 1_000n,
      direction: 'in' as const,
      length: data.length,
      data,
    };
    const decoded = decodeFrame(data, true);
    if (decoded !== undefined) aligner.add(index, packet, decoded);
  }
  return aligner.take().flatMap((row) => formatter.lines(row));
}

const segment = (from: FrameParts['from'], to: FrameParts['to'], flags: number, sequence = 1) =>
  frame({ from, to, flags, sequence });

describe('packets across taps', () => {
  it('stand in one line, with the translation above', () => {
    expect(
      lines([
        [0, 0, segment(client, seen, 2)],
        [1, 10, segment(client, translated, 2)],
        [2, 20, segment(client, translated, 2)],
        [2, 30, segment(translated, client, 18, 5)],
        [1, 40, segment(translated, client, 18, 5)],
        [0, 50, segment(seen, client, 18, 5)],
      ]),
    ).toEqual([
      'flow 1: 198.18.7.2:41822 → 198.18.7.1:8088 ⇒ 10.66.0.3:80',
      '0.000000   SYN →               SYN →               SYN →',
      '0.000030   ← SYN/ACK           ← SYN/ACK           ← SYN/ACK',
    ]);
  });

  it('show where one went no further', () => {
    expect(lines([[0, 0, segment(client, seen, 2)]])).toEqual([
      'flow 1: 198.18.7.2:41822 → 198.18.7.1:8088',
      '0.000000   SYN →               ·                   ·                   ✗ went no further than host/hx0',
    ]);
  });

  it('show how a client looks behind masquerading', () => {
    expect(
      lines([
        [0, 0, segment(client, seen, 2)],
        [2, 20, segment(['10.66.0.1', 41822], translated, 2)],
      ])[0],
    ).toBe('flow 1: 198.18.7.2:41822 → 198.18.7.1:8088 ⇒ 10.66.0.3:80, seen as 10.66.0.1:41822');
  });

  it('tell a repetition from the same packet on the next link', () => {
    const again = [0, 1_000_000].flatMap((time) => [
      [0, time, segment(client, seen, 2)] as const,
      [1, time + 10, segment(client, translated, 2)] as const,
      [2, time + 20, segment(client, translated, 2)] as const,
    ]);
    expect(lines(again).slice(1)).toEqual([
      '0.000000   SYN →               SYN →               SYN →',
      '1.000000   SYN →               SYN →               SYN →',
    ]);
  });

  it('show ICMP errors in the direction of the client', () => {
    const error = icmpError('198.18.7.1', { from: client, to: seen, flags: 2 });
    expect(lines([[0, 0, error]])[1]).toBe('0.000000   ← host unreachable  ·                   ·');
  });

  it('are counted once, and no more than wanted', () => {
    const frames = [1, 2, 3].flatMap((sequence) => [
      [0, sequence * 100, segment(client, seen, 16, sequence)] as const,
      [2, sequence * 100 + 10, segment(client, translated, 16, sequence)] as const,
    ]);
    expect(lines(frames, 2)).toHaveLength(3);
  });

  it('are handed on when they are complete, in order', () => {
    const aligner = new RowAligner(plan);
    const data = segment(client, seen, 2);
    const decoded = decodeFrame(data, true);
    if (decoded === undefined) throw new Error('not decoded');
    aligner.add(0, { time: at, direction: 'in', length: data.length, data }, decoded);
    expect(aligner.take(at + 100_000_000n)).toEqual([]);
    expect(aligner.take(at + 400_000_000n)).toHaveLength(1);
    expect(aligner.take()).toEqual([]);
  });
});
