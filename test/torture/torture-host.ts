import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { compileProgram } from '../support/compile.ts';
import { dist } from '../support/libcni-plugins.ts';
import { startPrivateHost, type PrivateHost } from '../support/private-host.ts';
import type { AgentAnswer, AgentCommand } from './agent.ts';
import { readFacts } from './host-facts.ts';
import { killEnvironment, type KillPoint } from './kill-point.ts';

const agentSource = resolve(import.meta.dirname, '../../test/torture/agent.ts');

/** A program of the host to run. */
export interface Call {
  readonly words: readonly [string, ...string[]];
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a call ended: its exit status, or that it was killed. */
export interface Outcome {
  readonly code: number | 'killed';
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** A program in a network namespace that answers on port 80 and watches others. */
export interface Agent {
  /** @returns what was lost since the last command */
  tell(command: AgentCommand): Promise<readonly string[]>;
}

/** A private host on which programs are killed. */
export interface TortureHost extends AsyncDisposable {
  readonly host: PrivateHost;
  /** Runs a program to its end. */
  call(call: Call): Promise<Outcome>;
  /** The same, to its kill point. */
  kill(call: Call, point: KillPoint): Promise<Outcome>;
  /** The same; it must end with 0. @returns what it printed */
  succeed(call: Call): Promise<string>;
  /** Starts an agent in a namespace of the host by name, or on the host. */
  startAgent(netns: string): Promise<Agent>;
  /** The agents send nothing until their next check. */
  pause(): Promise<void>;
  /**
   * What somebody else does who flushes all rules. The agents send nothing until their next check: without any chain of type
   * nat the kernel translates no connection, also none that it knows, and the host answers with a reset.
   */
  flushRules(): Promise<void>;
  /** What the agents lost since the last time. */
  checkAgents(): Promise<readonly string[]>;
  facts(): Promise<string[]>;
}

/** `tsnet` with these words. */
export function tsnetCall(...words: string[]): Call {
  return { words: [join(dist, 'tsnet'), ...words] };
}

/** Makes a host; takes about half a second. */
export async function startTortureHost(): Promise<TortureHost> {
  const host = await startPrivateHost({ label: 'torture' });
  const flags = ['--mount', '--net', '--pid', '--cgroup', '--ipc', '--uts', `--target=${host.initPid}`, '--'];
  const clean = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8'];
  const children = new Set<ChildProcess>();
  const agents: Agent[] = [];
  const agentProgram = await compileProgram(agentSource);

  const spawnInside = ({ words, env = {} }: Call) => {
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const child = spawn('nsenter', [...flags, ...clean, ...settings, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Keys of the terminal are not for it.
      detached: true,
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    child.stdin.on('error', () => {});
    return child;
  };

  const call = async (wanted: Call): Promise<Outcome> => {
    const begin = performance.now();
    const child = spawnInside(wanted);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.end(wanted.input ?? '');
    // Not `close`: what a killed program had started may hold the pipes.
    await once(child, 'exit');
    await Promise.race([once(child, 'close'), new Promise((resolve) => setTimeout(resolve, 50))]);
    child.stdout.destroy();
    child.stderr.destroy();
    const code = child.signalCode === null ? (child.exitCode ?? -1) : 'killed';
    return { code, stdout, stderr, milliseconds: performance.now() - begin };
  };

  const succeed = async (wanted: Call): Promise<string> => {
    const { code, stdout, stderr } = await call(wanted);
    if (code !== 0) throw new Error(`${wanted.words.join(' ')}: ${code} ${stderr}${stdout}`);
    return stdout.trim();
  };

  const pause = async (): Promise<void> => {
    await Promise.all(agents.map((agent) => agent.tell({ pause: true })));
  };

  return {
    host,
    call,
    kill: (wanted, point) => call({ ...wanted, env: { ...wanted.env, ...killEnvironment(point) } }),
    succeed,
    async startAgent(netns) {
      const words = ['nsenter', `--net=/run/netns/${netns}`, process.execPath, agentProgram] as const;
      const child = spawnInside({ words: [...words] });
      let complaints = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const nextAnswer = async (): Promise<AgentAnswer> => {
        const { done, value } = await lines.next();
        if (done === true) throw new Error(`the agent in ${netns} ended: ${complaints}`);
        return JSON.parse(value) as AgentAnswer;
      };
      await nextAnswer();
      const agent: Agent = {
        async tell(command) {
          child.stdin.write(`${JSON.stringify(command)}\n`);
          return (await nextAnswer()).lost;
        },
      };
      agents.push(agent);
      return agent;
    },
    pause,
    async flushRules() {
      await pause();
      await succeed({ words: ['nft', 'flush', 'ruleset'] });
    },
    checkAgents: async () => (await Promise.all(agents.map((agent) => agent.tell({ check: true })))).flat(),
    facts: () => readFacts((script) => succeed({ words: ['sh', '-c', script] }), join(dist, 'tsnet')),
    async [Symbol.asyncDispose]() {
      const ends = [...children].map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      });
      await Promise.all(ends);
      await host[Symbol.asyncDispose]();
    },
  };
}
