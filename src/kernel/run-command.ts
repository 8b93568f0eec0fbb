import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { TsnetError, type ErrorKind } from '../model/errors.ts';

/** How to run a program. */
export interface CommandOptions {
  /** Text for its standard input; absent means empty. */
  readonly input?: string;
  /** Path of the network namespace to run in, such as `/run/netns/blue`. */
  readonly netns?: string;
  /** Ends the program after so many milliseconds; default 30,000. */
  readonly timeoutMs?: number;
}

/** What a program that succeeded wrote. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Rule sets of large hosts are tens of megabytes as text. */
const largestOutput = 256 * 1024 * 1024;

/**
 * Runs a program without a shell, with messages in English.
 *
 * @throws unsupported when the program is not installed, denied without the privilege, try-again when it was ended
 *   at its time limit or found a lock held, kernel for any other failure; the message ends with what the program said
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { netns, input = '', timeoutMs = 30_000 } = options;
  const [file, ...rest] =
    netns === undefined ? [program, ...args] : ['nsenter', `--net=${netns}`, '--', program, ...args];
  return await new Promise((resolve, reject) => {
    const settings = {
      env: { ...process.env, LC_ALL: 'C', PATH: searchPath() },
      maxBuffer: largestOutput,
      timeout: timeoutMs,
      killSignal: 'SIGKILL' as const,
    };
    const child = execFile(file, rest, settings, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(commandError(program, args, error, stderr));
    });
    // A program that ends before it has read its input breaks the pipe; its exit status tells the reason.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** The folders to search for programs; services and containers often run without the administrator's. */
export function searchPath(): string {
  return [process.env['PATH'], '/usr/sbin', '/sbin'].filter((part) => part !== undefined).join(':');
}

/** Whether a program is in one of those folders. */
export function isInstalled(program: string): boolean {
  return searchPath()
    .split(':')
    .some((folder) => existsSync(`${folder}/${program}`));
}

type ExecError = Error & { readonly code?: string | number | null; readonly killed?: boolean };

function commandError(
  program: string,
  args: readonly string[],
  error: ExecError,
  stderr: string,
): TsnetError {
  const doing = `run ${[program, ...args].join(' ')}`;
  if (isMissing(program, error, stderr)) {
    const missing = stderr === '' && error.message.includes('nsenter') ? 'nsenter' : program;
    return new TsnetError('unsupported', `${doing}: ${missing} is not installed`, {
      hint: `install it, on Debian with: apt-get install ${packageOf(missing)}`,
      cause: error,
    });
  }
  if (error.killed === true) {
    return new TsnetError('try-again', `${doing}: it did not end in time`, { cause: error });
  }
  const said = mainLine(stderr) ?? error.message;
  return new TsnetError(kindOf(stderr), `${doing}: ${said}`, { cause: error });
}

/** nsenter(1) ends with 127 when the program to run is not there. */
function isMissing(program: string, error: ExecError, stderr: string): boolean {
  return (
    error.code === 'ENOENT' ||
    (error.code === 127 && stderr.includes(`failed to execute ${program}: No such file or directory`))
  );
}

function packageOf(program: string): string {
  if (/^ip6?tables/.test(program)) return 'iptables';
  return { nft: 'nftables', nsenter: 'util-linux' }[program] ?? program;
}

function kindOf(stderr: string): ErrorKind {
  if (/not permitted|permission denied|must be root/i.test(stderr)) return 'denied';
  if (/holding the xtables lock|resource temporarily unavailable/i.test(stderr)) return 'try-again';
  return 'kernel';
}

/** The line that names the error; nft(8) writes the faulty input and a row of carets below it. */
function mainLine(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1);
}
