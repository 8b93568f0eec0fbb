import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../../../src/frontends/cli/main.ts';

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

const commands = withSubcommands(program).map((command) => ({ name: nameOf(command), command }));

describe.each(commands)('$name', ({ command }) => {
  it('has no option that takes the arguments behind its value', () => {
    expect(command.options.filter(({ variadic }) => variadic).map(({ flags }) => flags)).toEqual([]);
  });

  it('shows the order in which it takes its words: options, then arguments', () => {
    const shown = command.usage();
    const wanted = command.registeredArguments.map((argument) => {
      const dots = argument.variadic ? '...' : '';
      return argument.required ? `<${argument.name()}${dots}>` : `[${argument.name()}${dots}]`;
    });
    expect(shown).toBe(
      ['[options]', ...(command.commands.length > 0 ? ['[command]'] : []), ...wanted].join(' '),
    );
  });

  it('says which options may be repeated', () => {
    for (const option of command.options) {
      if (option.parseArg === undefined || option.argChoices !== undefined) continue;
      const twice: unknown = option.parseArg('b', option.parseArg('a', undefined));
      expect([option.flags, option.description.endsWith('(repeatable)')]).toEqual([
        option.flags,
        Array.isArray(twice) && twice.length === 2,
      ]);
    }
  });
});

it('takes options in front of arguments as behind them', () => {
  const create = commands.find(({ name }) => name === 'tsnet network create')?.command as Command;
  const { operands } = create.parseOptions([
    '--subnet',
    '10.55.0.0/24',
    '-o',
    'mtu=1400',
    '--gateway',
    '10.55.0.1',
    'lab',
  ]);
  expect(operands).toEqual(['lab']);
  const port = commands.find(({ name }) => name === 'tsnet capture port')?.command as Command;
  expect(port.parseOptions(['-i', 'lo', '-i', 'hx0', '80']).operands).toEqual(['80']);
  expect(port.opts()['interface']).toEqual(['lo', 'hx0']);
});
