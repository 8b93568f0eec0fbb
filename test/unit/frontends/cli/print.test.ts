import { afterEach, expect, it, vi } from 'vitest';
import { printTable } from '../../../../src/frontends/cli/print.ts';
import { printable } from '../../../../src/model/index.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function captured(print: () => void): string {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    text += String(part);
    return true;
  });
  print();
  return text;
}

it('sets columns as wide as their widest cell, without trailing blanks', () => {
  const rows = [
    ['a', 'longer'],
    ['bcd', ''],
  ];
  expect(captured(() => printTable(['ID', 'NAME'], rows))).toBe('ID   NAME\na    longer\nbcd\n');
});

it('shows what would steer a terminal as a question mark', () => {
  expect(printable('evil\u001b[31m\u202ename\n')).toBe('evil?[31m?name?');
  expect(captured(() => printTable(['NAME'], [['\u001b[2J']]))).toBe('NAME\n?[2J\n');
});
