import { Argument, Command, Option } from 'commander';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { complete } from '../../../../src/frontends/cli/completion/complete.ts';
import { scripts } from '../../../../src/frontends/cli/completion/scripts.ts';

const program = new Command('tsnet').option('--json', 'JSON').option('--state-dir <path>', 'folder');
const inspect = program.command('inspect').description('look').option('--watch', 'again');
inspect.command('container <container>').option('-q, --quiet', 'names');
inspect.command('ip <address>');
program.command('rm <network...>');
program.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh']));
program.command('graph').addOption(new Option('--format <form>').choices(['tree', 'svg']));
program.command('__complete', { hidden: true });

function wordsFor(...words: string[]): string[] {
  return complete(program, words).candidates.map(({ word }) => word);
}

describe('complete', () => {
  it('offers commands but hidden ones', () => {
    expect(wordsFor('')).toEqual(['inspect', 'rm', 'completion', 'graph']);
    expect(wordsFor('i')).toEqual(['inspect']);
    expect(wordsFor('inspect', '')).toEqual(['container', 'ip']);
  });

  it('offers the flags of a command and of those above', () => {
    expect(wordsFor('inspect', 'container', '--')).toEqual(['--quiet', '--watch', '--json', '--state-dir']);
  });

  it('offers choices of flags and arguments', () => {
    expect(wordsFor('graph', '--format', 's')).toEqual(['svg']);
    expect(wordsFor('completion', '')).toEqual(['bash', 'zsh']);
  });

  it('asks for names where an argument is called after what has them', () => {
    expect(complete(program, ['inspect', 'container', 'w']).names).toBe('container');
    expect(complete(program, ['rm', 'one', 'two', '']).names).toBe('network');
    expect(complete(program, ['inspect', 'ip', '']).names).toBeUndefined();
  });

  it('passes over flags and their values', () => {
    expect(wordsFor('--state-dir', 'inspect', '--json', 'inspect', 'i')).toEqual(['ip']);
    expect(wordsFor('--state-dir', '')).toEqual([]);
  });
});

it('prints a script that bash takes, and that keeps empty words and dashes', () => {
  const shell = `tsnet() { [ "$1" = __complete ] && printf 'asked\\t%s\\n' "\${2//$'\\n'/|}"; echo "$2" | tr '\\n' '|' >&3; }
exec 3>&1
${scripts.bash}
COMP_WORDS=(tsnet inspect --json ''); COMP_CWORD=3
_tsnet
echo "\${COMPREPLY[@]}"`;
  const text = execFileSync('bash', ['-c', shell], { encoding: 'utf8' });
  expect(text).toBe(':inspect|:--json|:|asked\n');
});
