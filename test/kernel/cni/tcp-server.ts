import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Netns } from '../../support/netns.ts';

/**
 * A server in a namespace that answers each connection with a word and the address it sees the caller with. The end of
 * its scope ends it.
 */
export async function startTcpServer(
  netns: Netns,
  port: number,
  family: 4 | 6 = 4,
): Promise<AsyncDisposable> {
  const command = 'SYSTEM:echo here $SOCAT_PEERADDR';
  const child = spawn(
    'nsenter',
    [
      `--net=${netns.path}`,
      '--',
      'socat',
      '-dd',
      `TCP${family}-LISTEN:${port},fork,reuseaddr${family === 6 ? ',ipv6only=1' : ''}`,
      command,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const [said] = (await once(child.stderr, 'data')) as [Buffer];
  if (!said.includes('listening')) throw new Error(said.toString());
  child.stderr.resume();
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** What a server answers to a connection from a namespace. @throws when there is no answer within three seconds */
export async function askTcp(from: Netns, target: string): Promise<string> {
  return (await from.exec('timeout', '3', 'socat', '-u', `TCP:${target}`, '-')).stdout.trim();
}
