import { expect } from 'vitest';
import { CommandError, type Run } from '../../support/engine-run.ts';
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

/** Expects that no web server answers: refused, unreachable or silent for 0.6 seconds. */
export async function expectNoWeb(run: Run, ...authorities: string[]): Promise<void> {
  const ask = 'curl -g -s --noproxy "*" --max-time 0.6 "$1"; echo "exit $?"';
  await Promise.all(
    authorities.map(async (authority) => {
      const answer = await run('sh', '-c', ask, 'sh', `http://${authority}/`);
      expect(answer, `http://${authority}/ must not answer`).toMatch(/^exit (?:7|28)$/);
    }),
  );
}

/** Expects that an echo request gets no reply within 0.6 seconds. */
export async function expectNoPing(run: Run, address: string): Promise<void> {
  expect(await failedPing(run, '-W', '0.6', address), `${address} must not answer a ping`).toMatch(
    /100% packet loss|unreachable/,
  );
}

/** Sends one echo request that must get no reply; gives what ping said of it. */
export async function failedPing(run: Run, ...args: string[]): Promise<string> {
  try {
    return `answered: ${await run('ping', '-n', '-c', '1', ...args)}`;
  } catch (error) {
    if (error instanceof CommandError) return `${error.stdout}\n${error.stderr}`;
    throw error;
  }
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
