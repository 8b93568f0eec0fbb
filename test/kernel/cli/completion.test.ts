import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scripts } from '../../../src/frontends/cli/completion/scripts.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-completion-'));
  writeFileSync(join(folder, 'tsnet'), `#!/bin/sh\nexec ${program} "$@"\n`);
  chmodSync(join(folder, 'tsnet'), 0o755);
  for (const [shell, script] of Object.entries(scripts)) writeFileSync(join(folder, shell), script);
  env = {
    PATH: `${folder}:${process.env['PATH']}`,
    HOME: folder,
    ZDOTDIR: folder,
    TERM: 'dumb',
    DOCKER_HOST: 'unix:///nonexistent',
    TSNET_STATE_DIR: join(folder, 'state'),
    TSNET_RUN_DIR: join(folder, 'run'),
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What is typed, and what stands there after Tab where only one word fits. */
const completed: readonly (readonly [typed: string, line: string])[] = [
  ['tsnet inspect con', 'tsnet inspect container'],
  ['tsnet graph --format s', 'tsnet graph --format svg'],
  ['tsnet inspect veth --qui', 'tsnet inspect veth --quiet'],
  ['tsnet completion z', 'tsnet completion zsh'],
  ['tsnet rest', 'tsnet restart'],
  ['tsnet exec --wor', 'tsnet exec --workdir'],
  ['tsnet run --ingress-r', 'tsnet run --ingress-rate'],
  ['tsnet logs --fol', 'tsnet logs --follow'],
];
const lastWord = (line: string): string => line.slice(line.lastIndexOf(' ') + 1);

describe('the shells themselves complete', () => {
  it('in fish', () => {
    const candidates = (line: string): string[] =>
      execFileSync('fish', ['--no-config', '-c', `source ${folder}/fish; complete --do-complete '${line}'`], {
        env,
        encoding: 'utf8',
      })
        .split('\n')
        .flatMap((text) => (text === '' ? [] : [text.split('\t')[0] ?? '']));
    for (const [typed, line] of completed) expect(candidates(typed)).toEqual([lastWord(line)]);
    expect(candidates('tsnet inspect ')).toEqual(expect.arrayContaining(['bridge', 'port', 'veth']));
  });

  it('in zsh, at a terminal', () => {
    // The line editor lives at a terminal only. Before the first prompt it completes each line, and leaves.
    const lines = completed.map(([typed]) => typed);
    writeFileSync(
      join(folder, '.zshrc'),
      `autoload -U compinit; compinit -D -u
source ${folder}/zsh
zle-line-init() {
  local line
  for line in ${lines.map((line) => `'${line}'`).join(' ')}; do
    BUFFER=$line CURSOR=$#line
    zle complete-word
    print -r -- "$BUFFER" >> ${folder}/lines
  done
  exit
}
zle -N zle-line-init
`,
    );
    execFileSync('script', ['-qec', 'zsh -i', '/dev/null'], { env, stdio: 'ignore', timeout: 30_000 });
    const found = readFileSync(join(folder, 'lines'), 'utf8');
    expect(found.split('\n').map((line) => line.trimEnd())).toEqual([
      ...completed.map(([, line]) => line),
      '',
    ]);
  });

  it('in bash', () => {
    for (const [typed, line] of completed) {
      const words = typed.split(' ');
      const script = `source ${folder}/bash
COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}
_tsnet
echo "\${COMPREPLY[@]}"`;
      const text = execFileSync('bash', ['--norc', '-c', script], { env, encoding: 'utf8' });
      expect(text.trim()).toBe(lastWord(line));
    }
  });
});
