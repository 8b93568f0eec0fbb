import { Command } from 'commander';
import { expect, it } from 'vitest';
import { complete } from '../../../../../src/frontends/cli/completion/complete.ts';
import { addRunFlags } from '../../../../../src/frontends/cli/run/run-flags.ts';

const program = new Command('tsnet');
addRunFlags(program.command('run <command...>'));
program.command('exec <sandbox> <command...>');
program.command('start <sandbox...>');
program.command('connect <network> <sandbox>');

it('knows where the names of networks and sandboxes fit', () => {
  expect(complete(program, ['run', '--network', '']).names).toBe('network');
  expect(complete(program, ['run', '--name', '']).names).toBeUndefined();
  expect(complete(program, ['exec', '']).names).toBe('sandbox');
  expect(complete(program, ['exec', 'web', '']).names).toBeUndefined();
  expect(complete(program, ['connect', 'lab', '']).names).toBe('sandbox');
  expect(complete(program, ['start', 'web', '']).names).toBe('sandbox');
});
