import type { Run } from './engine-run.ts';

/** Body of an HTTP answer, trimmed; `run` says from where to ask. Gives up after two seconds. */
export function httpGet(run: Run, url: string): Promise<string> {
  // -g: addresses in brackets are not patterns.
  return run('curl', '-g', '--silent', '--show-error', '--fail', '--max-time', '2', '--noproxy', '*', url);
}

/** The address the web server of the test image sees the caller with; `authority` is host or host:port. */
export function httpWhoami(run: Run, authority: string): Promise<string> {
  return httpGet(run, `http://${authority}/cgi-bin/whoami`);
}

/** Sends one ICMP echo request and waits at most two seconds for the reply. */
export async function ping(run: Run, host: string): Promise<void> {
  await run('ping', '-n', '-c', '1', '-W', '2', host);
}

/** Sends one datagram and gives the answer, trimmed; empty when none comes within a second. */
export function udpAsk(run: Run, host: string, port: number, text: string): Promise<string> {
  const target = host.includes(':') ? `UDP6:[${host}]:${port}` : `UDP4:${host}:${port}`;
  return run('sh', '-c', 'echo "$1" | socat -t 1 -T 1 - "$2"', 'sh', text, target);
}

/** Whether a connection fails; says how, as curl reports it: `refused`, `timeout` or `other`. */
export async function httpFailure(
  run: Run,
  url: string,
): Promise<'refused' | 'timeout' | 'other' | undefined> {
  try {
    await httpGet(run, url);
    return undefined;
  } catch (error) {
    const text = String(error);
    if (/\(7\)/.test(text)) return 'refused';
    return /\(28\)/.test(text) ? 'timeout' : 'other';
  }
}
