import { expect } from 'vitest';
import type { Run } from '../../support/engine-run.ts';
import { httpGet, ping } from '../../support/traffic.ts';

/** Sends one datagram and gives the answer, trimmed; empty when none comes within 0.4 seconds. */
export function udpAsk(run: Run, host: string, port: number, text: string, options = ''): Promise<string> {
  const target = host.includes(':') ? `UDP6:[${host}]:${port}` : `UDP4:${host}:${port}`;
  return run('sh', '-c', 'echo "$1" | socat -t 0.4 - "$2"', 'sh', text, target + options);
}

/** The address that the UDP server of a container sees the caller with. */
export function udpWhoami(run: Run, host: string, port = 5354): Promise<string> {
  return udpAsk(run, host, port, 'who');
}

/** Expects that a web server answers with this host name. */
export async function expectWeb(run: Run, authority: string, hostname: string): Promise<void> {
  expect(await httpGet(run, `http://${authority}/`), `http://${authority}/`).toBe(hostname);
}

/** Expects that no web server answers: refused, unreachable or silent for a second. */
export async function expectNoWeb(run: Run, ...authorities: string[]): Promise<void> {
  await Promise.all(
    authorities.map(async (authority) => {
      const answer = await run(
        'sh',
        '-c',
        'curl -g -s --noproxy "*" --max-time 1 "$1" && echo answered || echo silent',
        'sh',
        `http://${authority}/`,
      );
      expect(answer, `http://${authority}/ must not answer`).toBe('silent');
    }),
  );
}

/** Expects that an echo request gets no reply within a second. */
export async function expectNoPing(run: Run, address: string): Promise<void> {
  const answer = await run(
    'sh',
    '-c',
    'ping -n -c 1 -W 1 "$1" >/dev/null 2>&1 && echo answered || echo silent',
    'sh',
    address,
  );
  expect(answer, `${address} must not answer a ping`).toBe('silent');
}

/** Expects replies from all of them. */
export async function expectPing(run: Run, ...addresses: string[]): Promise<void> {
  await Promise.all(addresses.map((address) => ping(run, address)));
}

/** What a name stands for, sorted; empty when it is not known. */
export async function resolve(run: Run, name: string): Promise<string[]> {
  const text = await run('sh', '-c', 'nslookup "$1" 127.0.0.11 2>&1 || true', 'sh', name);
  const answer = text.slice(text.indexOf('\n\n'));
  return [...answer.matchAll(/^Address(?: \d+)?: *([\da-f.:]+)/gim)]
    .map(([, address]) => address ?? '')
    .sort();
}
