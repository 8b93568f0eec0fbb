import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

/** Somebody at a terminal, in a shell with job control. */
interface Terminal extends AsyncDisposable {
  /** Everything that was on the screen. */
  readonly screen: () => string;
  type(keys: string): void;
  /** Waits until something new is on the screen; what stood there before does not count. */
  shows(text: string | RegExp): Promise<void>;
}

const [ctrlC, ctrlBackslash, ctrlZ] = ['\x03', '\x1c', '\x1a'] as const;

async function openTerminal(): Promise<Terminal> {
  const shell = "PS1='ready> ' exec bash --norc --noprofile --noediting -i";
  const child: ChildProcess = host.startProgram(
    ['script', '--quiet', '--echo', 'always', '--command', shell, '/dev/null'],
    ['pipe', 'pipe', 'inherit'],
  );
  let screen = '';
  let seen = 0;
  child.stdout?.on('data', (data: Buffer) => (screen += String(data)));
  const terminal: Terminal = {
    screen: () => screen,
    type: (keys) => void child.stdin?.write(keys),
    async shows(text) {
      await eventually(() => {
        const rest = screen.slice(seen);
        const found = typeof text === 'string' ? rest.indexOf(text) : rest.search(text);
        if (found < 0)
          return Promise.reject(new Error(`not there: ${String(text)} in ${JSON.stringify(rest)}`));
        seen += found + (typeof text === 'string' ? text.length : 1);
        return Promise.resolve();
      });
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      terminal.type('exit\n');
      await ended;
    },
  };
  await terminal.shows('ready> ');
  return terminal;
}

const line = (...words: string[]) => `${host.program} ${words.join(' ')}\n`;

describe('at a terminal', () => {
  it.each([
    { name: 'Ctrl-C', key: ctrlC, status: 130 },
    { name: 'Ctrl-\\', key: ctrlBackslash, status: 131 },
  ])('$name ends the command, and $status comes through', async ({ key, status }) => {
    await using terminal = await openTerminal();
    terminal.type(line('run', '--rm', '--', 'sh -c "echo u\\p; exec sleep 60"'));
    await terminal.shows(/^up/m);
    terminal.type(key);
    await terminal.shows('ready> ');
    terminal.type('echo status=$?\n');
    await terminal.shows(`status=${status}`);
  });

  it('Ctrl-C reaches the command once, which may do as it likes', async () => {
    await using terminal = await openTerminal();
    const script =
      `let n = 0; process.on('SIGINT', () => { console.log('g' + 'ot', ++n); if (n === 2) process.exit(9); });
      console.log('u' + 'p'); setInterval(() => {}, 1000)`.replaceAll(/\n\s*/g, ' ');
    terminal.type(line('run', '--rm', '--', process.execPath, '-e', `"${script}"`));
    await terminal.shows(/^up/m);
    terminal.type(ctrlC);
    await terminal.shows(/^\^?C?got 1/m);
    await sleep(300);
    expect(terminal.screen()).not.toContain('got 2');
    terminal.type(ctrlC);
    await terminal.shows(/^\^?C?got 2/m);
    await terminal.shows('ready> ');
    terminal.type('echo status=$?\n');
    await terminal.shows('status=9');
  });

  it.each(['run', 'exec'])(
    'Ctrl-Z stops %s, bg and fg let it go on, and it reads what is typed',
    async (how) => {
      if (how === 'exec') await host.succeed('run', '-d', '--rm', '--name', 'box', '--', 'sleep', '60');
      await using terminal = await openTerminal();
      const words = how === 'run' ? ['run', '--rm', '--'] : ['exec', 'box', '--'];
      terminal.type(line(...words, `sh -c 'echo u\\p; read word; echo r\\ead $word'`));
      await terminal.shows(/^up/m);
      terminal.type(ctrlZ);
      await terminal.shows('Stopped');
      await terminal.shows('ready> ');
      terminal.type('bg\n');
      // It wants to read, and is not in the foreground.
      await terminal.shows('ready> ');
      await eventually(async () => {
        terminal.type('jobs\n');
        await terminal.shows('Stopped');
      });
      terminal.type('fg\n');
      await terminal.shows('tsnet');
      terminal.type('hello\n');
      await terminal.shows(/^read hello/m);
      await terminal.shows('ready> ');
      if (how === 'exec') await host.succeed('rm', '-f', 'box');
    },
  );

  it('a hangup ends what runs in the foreground, and leaves what is detached', async () => {
    {
      await using terminal = await openTerminal();
      terminal.type('echo shell=$$\n');
      terminal.type(line('run', '-d', '--rm', '--name', 'box', '--', 'sleep', '60'));
      await terminal.shows(/[0-9a-f]{64}/);
      terminal.type(line('run', '--rm', '--name', 'front', '--', 'sh', '-c', "'echo u\\p; exec sleep 60'"));
      await terminal.shows(/^up/m);
      process.kill(Number(/shell=(\d+)/.exec(terminal.screen())?.[1]), 'SIGHUP');
    }
    await eventually(async () => expect(await host.exec('ls', '/run/netns')).toBe('box'));
    await host.succeed('rm', '-f', 'box');
  });
});
