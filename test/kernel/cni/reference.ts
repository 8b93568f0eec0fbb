import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Netns } from '../../support/netns.ts';

/** Where Debian's containernetworking-plugins are. */
export const referenceFolder = '/usr/lib/cni';

/** Whether the reference plugins are installed, version 1.1.1 of Debian 12, which knows no 1.1.0 of the specification. */
export const hasReference = existsSync(`${referenceFolder}/host-local`);

/** What a reference plugin printed. */
export interface Output {
  readonly status: number | null;
  readonly stdout: string;
}

/** Runs a reference plugin with the namespace of a test as its host. */
export function runReference(
  host: Netns,
  plugin: string,
  env: Readonly<Record<string, string>>,
  config: object,
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn('nsenter', [`--net=${host.path}`, '--', `${referenceFolder}/${plugin}`], {
      env: { PATH: process.env['PATH'], CNI_PATH: referenceFolder, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout }));
    child.stdin.end(JSON.stringify(config));
  });
}
