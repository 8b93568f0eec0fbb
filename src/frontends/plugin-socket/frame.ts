import { basename } from 'node:path';
import { invalid } from '../../model/index.ts';
import type { Answer, Invocation } from './invocation.ts';

/** What the C program sends. */
export interface Request {
  /** Identities of the caller's namespaces, such as `net:[4026531840]` and `mnt:[4026531841]`. */
  readonly namespaces: readonly string[];
  readonly invocation: Invocation;
}

/** Says that the daemon works on a request. */
export const signOfLife = Buffer.from('.');

/** Says that the daemon stands elsewhere than the caller, and did nothing. */
export const notMine = Buffer.from('tsnet1 -1 0 0\n');

const longestHeader = 128;
const mostBytes = 32 << 20;

/**
 * Reads a request out of what has come so far; undefined while it is incomplete. The other side, and the form of both
 * directions in words, is `native/cni/daemon.c`.
 *
 * @throws invalid-input for anything that is no request
 */
export function parseRequest(received: Buffer): Request | undefined {
  const headerEnd = received.subarray(0, longestHeader).indexOf('\n');
  const header = received.toString('latin1', 0, headerEnd < 0 ? longestHeader : headerEnd);
  if (headerEnd < 0) {
    if (received.length >= longestHeader) throw invalid('request', header, 'a line with its lengths first');
    return undefined;
  }
  const match = /^tsnet1 (\d{1,9}) (\d{1,9}) (\d{1,9}) (\d{1,9})$/.exec(header);
  if (match === null) throw invalid('request', header, 'a line with its lengths first');
  const lengths = match.slice(1).map(Number);
  const total = lengths.reduce((sum, length) => sum + length, headerEnd + 1);
  if (total > mostBytes) throw invalid('request', `${total} bytes`, `${mostBytes} at most`);
  if (received.length < total) return undefined;
  if (received.length > total) throw invalid('request', `${received.length} bytes`, `${total}, as announced`);
  let at = headerEnd + 1;
  const [namespaces = '', args = '', env = '', stdin = ''] = lengths.map((length) =>
    received.toString('utf8', at, (at += length)),
  );
  const [program = '', ...rest] = list(args);
  return {
    namespaces: list(namespaces),
    invocation: { program: basename(program), args: rest, env: environmentOf(list(env)), stdin },
  };
}

/** The bytes of an answer. */
export function formatAnswer({ exitCode, stdout, stderr = '' }: Answer): Buffer {
  const [output, errors] = [Buffer.from(stdout), Buffer.from(stderr)];
  const header = Buffer.from(`tsnet1 ${exitCode} ${output.length} ${errors.length}\n`);
  return Buffer.concat([header, output, errors]);
}

/** Texts of which each ends with NUL. */
function list(text: string): string[] {
  return text.split('\0').slice(0, -1);
}

function environmentOf(settings: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    settings.flatMap((setting) => {
      const sign = setting.indexOf('=');
      return sign <= 0 ? [] : [[setting.slice(0, sign), setting.slice(sign + 1)] as const];
    }),
  );
}
