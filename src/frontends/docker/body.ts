import type { IncomingMessage } from 'node:http';

const mostBytes = 1 << 20;

/**
 * The body of a request as text.
 *
 * @throws Error when it is longer than 1 MiB, of which the rest is read and dropped, or breaks off
 */
export function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = [];
    let length = 0;
    request.on('data', (part: Buffer) => {
      length += part.length;
      if (length <= mostBytes) parts.push(part);
      else parts = [];
    });
    request.on('end', () => {
      if (length > mostBytes) reject(new Error('request entity too large'));
      else resolve((parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)).toString('utf8'));
    });
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error('request aborted'));
    });
  });
}
