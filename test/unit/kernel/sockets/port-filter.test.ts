import { expect, it } from 'vitest';
import { portFilter } from '../../../../src/kernel/sockets/port-filter.ts';
import { parsePort } from '../../../../src/model/port.ts';

it('compares with both ends and leaves the program by 4 bytes to refuse', () => {
  const program = portFilter({ first: parsePort(8080), last: parsePort(8081) });
  expect(program.toString('hex')).toBe('020814000000901f03080c000000911f');
});
