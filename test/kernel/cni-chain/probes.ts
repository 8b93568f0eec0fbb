import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from '../../support/engine-run.ts';
import type { Netns } from '../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../support/script-inside.ts';

/** Answers every TCP connection to one of some ports with a word and the port. */
export function listen(netns: Netns, word: string, ports: readonly number[] = [80]): Promise<ScriptInside> {
  return runScriptInside(
    netns,
    `let open = 0;
     for (const port of ${JSON.stringify(ports)})
       require('node:net').createServer((socket) => socket.end('${word} ' + port))
         .listen(port, '::', () => ++open === ${ports.length} && console.log('ready'));`,
  );
}

/** What answers a TCP connection. @throws when nobody does within a second */
export async function ask(netns: Netns, target: string): Promise<string> {
  const { stdout } = await netns.exec('socat', '-u', '-T1', `TCP:${target},connect-timeout=1`, '-');
  if (stdout === '') throw new Error(`${target} says nothing`);
  return stdout;
}

/** Whether a namespace reaches an address. */
export async function reaches(netns: Netns, ip: string): Promise<boolean> {
  return netns.exec('ping', '-n', '-c1', '-W1', ip).then(
    () => true,
    () => false,
  );
}

/** What an interface has, as `ip` prints it. */
export async function show(netns: Netns, what: 'link' | 'address' | 'route', link: string): Promise<string> {
  const { stdout } = await netns.exec('ip', '-o', what, 'show', 'dev', link);
  return stdout.trim();
}

/** Every change of a namespace's nftables rules, one line each, as `nft monitor` prints it, until the end of its scope. */
export async function watchRules(
  netns: Netns,
): Promise<AsyncDisposable & { readonly changes: readonly string[] }> {
  const child = spawn('nsenter', [`--net=${netns.path}`, 'stdbuf', '--output=L', 'nft', 'monitor'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const changes: string[] = [];
  let isListening = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes('is-listening')) isListening = true;
    else changes.push(line);
  });
  // It does not say when it begins to listen.
  await until('nft monitor listens', async () => {
    await netns.exec('nft', 'add table ip is-listening; delete table ip is-listening');
    return isListening;
  });
  return {
    changes,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
