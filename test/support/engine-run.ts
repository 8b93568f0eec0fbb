import { execFile } from 'node:child_process';

/** Runs a command somewhere and gives its standard output, trimmed. Rejects when it does not end with 0. */
export type Run = (command: string, ...args: string[]) => Promise<string>;

/** What a command that did not end with 0 rejects with; the message holds the command and its error output. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly stderr: string;
  readonly stdout: string;

  constructor(command: string, stdout: string, stderr: string, cause: Error) {
    super(`${command}\n${stderr.trim() || stdout.trim() || cause.message}`, { cause });
    this.stdout = stdout.trim();
    this.stderr = stderr.trim();
  }
}

/** Where and how long a command runs. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 120,000. */
  readonly timeoutMs?: number;
}

/**
 * Runs a program without a shell and gives its standard output, trimmed.
 * @throws {CommandError} It did not end with 0.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: { ...process.env, ...options.env },
        timeout: options.timeoutMs ?? 120_000,
        maxBuffer: 64 * 2 ** 20,
      },
      (error, stdout, stderr) => {
        if (error) reject(new CommandError([command, ...args].join(' '), stdout, stderr, error));
        else resolve(stdout.trim());
      },
    );
  });
}

/**
 * Waits until a condition holds.
 * @throws The condition's last error, or one that says what was waited for.
 */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not so after ${timeoutMs} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
