import { describe, expect, it } from 'vitest';
import { runCommand } from '../../../src/kernel/run-command.ts';

describe('runCommand', () => {
  it('hands over text and gives what was written', async () => {
    expect(await runCommand('sh', ['-c', 'cat; echo x >&2'], { input: 'a "b"\n' })).toEqual({
      stdout: 'a "b"\n',
      stderr: 'x\n',
    });
  });

  it('uses no shell', async () => {
    expect((await runCommand('echo', ['$HOME; true'])).stdout).toBe('$HOME; true\n');
  });

  it('speaks English', async () => {
    expect((await runCommand('sh', ['-c', 'echo $LC_ALL'])).stdout).toBe('C\n');
  });

  it('survives a program that does not read its input', async () => {
    await expect(runCommand('true', [], { input: 'x'.repeat(1 << 22) })).resolves.toBeDefined();
    await expect(runCommand('false', [], { input: 'x'.repeat(1 << 22) })).rejects.toMatchObject({
      kind: 'kernel',
    });
  });

  it.each([
    ['first\nlast\n', 'last'],
    ['/dev/stdin:1:1-3: Error: syntax error\nfoo\n^^^\n', '/dev/stdin:1:1-3: Error: syntax error'],
  ])('ends its message with what the program said of %j', async (stderr, said) => {
    const script = 'printf %s "$1" >&2; exit 1';
    await expect(runCommand('sh', ['-c', script, 'sh', stderr])).rejects.toMatchObject({
      kind: 'kernel',
      message: expect.stringMatching(
        new RegExp(`: ${said.replaceAll(/[.^$*+?()[\]{}|\\]/g, '\\$&')}$`),
      ) as unknown,
    });
  });

  it.each([
    ['iptables v1.8.9: Operation not permitted', 'denied'],
    ['Another app is currently holding the xtables lock.', 'try-again'],
  ])('takes %j for %s', async (stderr, kind) => {
    await expect(runCommand('sh', ['-c', 'echo "$1" >&2; exit 4', 'sh', stderr])).rejects.toMatchObject({
      kind,
    });
  });

  it('names the package of a program that is missing', async () => {
    await expect(runCommand('iptables-none-save', [])).rejects.toMatchObject({
      kind: 'unsupported',
      message: 'run iptables-none-save: iptables-none-save is not installed',
      hint: expect.stringContaining('apt-get install iptables') as unknown,
    });
  });

  it('ends a program at its time limit', async () => {
    await expect(runCommand('sleep', ['10'], { timeoutMs: 20 })).rejects.toMatchObject({ kind: 'try-again' });
  });
});
