import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { Scope } from './scope.ts';

/** A shell that waits in a network namespace: what it runs costs what it costs a script, without a start of its own. */
export class Shell implements AsyncDisposable {
  readonly #process: ChildProcessWithoutNullStreams;
  #said = '';
  #complaints = '';

  private constructor(netns: string) {
    this.#process = spawn('nsenter', [`--net=${netns}`, 'bash'], { detached: true });
    this.#process.stdout.setEncoding('utf8');
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
  }

  /** Starts one in the namespace of that path; it ends with the scope. */
  static start(scope: Scope, netns: string): Shell {
    return scope.use(new Shell(netns));
  }

  /** Runs commands up to the first that fails. @returns what they printed @throws Error when one fails */
  async run(commands: readonly string[]): Promise<string> {
    this.#said = '';
    this.#complaints = '';
    const { stdin, stdout } = this.#process;
    stdin.write(`${commands.join(' &&\n')}\necho "status=$?"\n`);
    for (;;) {
      const [text] = (await once(stdout, 'data')) as [string];
      this.#said += text;
      const end = /status=(\d+)\n$/.exec(this.#said);
      if (end?.[1] === '0') return this.#said.slice(0, end.index);
      if (end !== null) throw new Error(`${commands[0]} …: ${this.#complaints.trim()}`);
    }
  }

  /** Gives a command its input and waits for its end. */
  async feed(command: string, input: string): Promise<void> {
    await this.run([`${command} <<'END_OF_INPUT'\n${input.trimEnd()}\nEND_OF_INPUT\ntrue`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await ended;
  }
}
