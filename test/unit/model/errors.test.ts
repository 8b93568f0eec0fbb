import { describe, expect, it } from 'vitest';
import { TsnetError, invalid, toTsnetError, withSuppressed } from '../../../src/model/index.ts';

describe('invalid', () => {
  it('names field, value and what is allowed', () => {
    expect(invalid('--mtu', 'x', 'a number')).toMatchObject({
      kind: 'invalid-input',
      subject: '--mtu',
      message: '--mtu: "x" is not allowed, expected a number',
    });
    expect(invalid('IPv4Data[0].Pool', undefined, 'a subnet').message).toContain('nothing is not allowed');
  });

  it('shows values without control characters, and not all of a long one', () => {
    const { message } = invalid('name', `\u001B[2J${'x'.repeat(1000)}`, 'a name');
    expect(message).not.toContain('\u001B');
    expect(message.length).toBeLessThan(200);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const value of [circular, 5n, () => 1, Symbol('s')])
      expect(invalid('x', value, 'y').kind).toBe('invalid-input');
  });
});

describe('toTsnetError', () => {
  it('leaves ours alone and takes everything else for a defect', () => {
    const ours = new TsnetError('conflict', 'taken', { subject: 's', hint: 'h', errno: 'EEXIST' });
    expect(toTsnetError(ours)).toBe(ours);
    const cause = new RangeError('no');
    expect(toTsnetError(cause)).toMatchObject({ kind: 'bug', message: 'no', cause });
    expect(toTsnetError('text')).toMatchObject({ kind: 'bug', message: 'text' });
  });
});

describe('withSuppressed', () => {
  it('adds to what is known and keeps the rest', () => {
    const first = new TsnetError('kernel', 'add link', {
      errno: 'EBUSY',
      subject: 'link a',
      suppressed: [1],
    });
    expect(withSuppressed(first, [])).toBe(first);
    expect(withSuppressed(first, [2, 3])).toMatchObject({
      kind: 'kernel',
      message: 'add link',
      errno: 'EBUSY',
      subject: 'link a',
      suppressed: [1, 2, 3],
      cause: first,
    });
  });
});
