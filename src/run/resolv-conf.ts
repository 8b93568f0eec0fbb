import { existsSync, readFileSync } from 'node:fs';
import type { SandboxDns } from '../model/index.ts';

/** What a host looks names up with. */
interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

const hostPath = '/etc/resolv.conf';
/** Where systemd-resolved tells the servers that it asks itself. Source: systemd-resolved.service(8). */
const resolvedPath = '/run/systemd/resolve/resolv.conf';

/** The host's file, or what stands behind the stub of systemd-resolved; empty if there is none. */
export function readHostResolvConf(): string {
  const text = read(hostPath);
  const { servers } = parse(text);
  return servers.length === 1 && servers[0] === '127.0.0.53' && existsSync(resolvedPath)
    ? read(resolvedPath)
    : text;
}

/**
 * A resolv.conf made of the host's and of wishes.
 *
 * @param isApart whether the sandbox has a loopback of its own: then servers on the host's can't be reached and are left
 *   out
 */
export function formatResolvConf(hostText: string, wishes: SandboxDns, isApart: boolean): string {
  const host = parse(hostText);
  const reachable = isApart ? host.servers.filter((server) => !isLoopback(server)) : host.servers;
  const servers = wishes.servers.length > 0 ? wishes.servers : reachable;
  const searches = wishes.searches.length > 0 ? wishes.searches : host.searches;
  const options = wishes.options.length > 0 ? wishes.options : host.options;
  return [
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(searches.length === 0 || searches.join() === '.' ? [] : [`search ${searches.join(' ')}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}\n`]),
  ].join('');
}

function isLoopback(server: string): boolean {
  return server.startsWith('127.') || server === '::1' || server.startsWith('::1%');
}

/** Source: resolv.conf(5); of several search lines the last one counts, and so does `domain`. */
function parse(text: string): ResolvConf {
  const lines = text.split('\n').map((line) =>
    line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/),
  );
  const all = (...words: readonly string[]) => lines.filter(([word = '']) => words.includes(word));
  return {
    servers: all('nameserver').flatMap(([, server]) => server ?? []),
    searches: all('search', 'domain').at(-1)?.slice(1) ?? [],
    options: all('options').flatMap(([, ...options]) => options),
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
