import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
  await host.succeed('network', 'create', 'fast', '--subnet', '10.88.0.0/24');
  await host.succeed('network', 'create', 'slow', '--subnet', '10.89.0.0/24', '-o', 'tsnet.rate=50mbit');
});
afterAll(() => host[Symbol.asyncDispose]());
afterEach(async () => {
  await host.tsnet('rm', '-f', 'web');
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
  expect(await limits()).toEqual([]);
});

/** What the kernel limits: `tsv` is the way to a sandbox, `tsi` the way out of it. */
async function limits(): Promise<string[]> {
  const text = await host.exec('tc', 'qdisc', 'show');
  const found = text.matchAll(/^qdisc tbf .* dev (ts[iv])-\w+ .*rate (\w+) burst (\w+)/gm);
  return [...found].map(([, link, rate, burst]) => `${link} ${rate} ${burst}`).sort();
}

const run = (...flags: string[]) => host.succeed('run', '-d', '--name', 'web', ...flags, '--', 'sleep', '60');

it.each([
  [
    ['--network', 'slow'],
    ['tsi 50Mbit 62500b', 'tsv 50Mbit 62500b'],
  ],
  [
    ['--network', 'slow:rate=20mbit'],
    ['tsi 20Mbit 25000b', 'tsv 20Mbit 25000b'],
  ],
  [['--network', 'fast', '--egress-rate', '20mbit', '--burst', '800kbit'], ['tsi 20Mbit 100000b']],
  [
    ['--network', 'fast', '--network', 'name=slow,driver-opt=tsnet.ingress_rate=20mbit'],
    ['tsi 50Mbit 62500b', 'tsv 20Mbit 25000b'],
  ],
])('%j limits the speed of a sandbox', async (flags, expected) => {
  await run(...flags);
  expect(await limits()).toEqual(expected);
});

it('has a limit of its own in a network that it is connected to, and loses it there', async () => {
  await run('--network', 'fast');
  await host.succeed('connect', '--ingress-rate', '20mbit', 'slow', 'web');
  expect(await limits()).toEqual(['tsi 50Mbit 62500b', 'tsv 20Mbit 25000b']);
  await host.succeed('disconnect', 'slow', 'web');
  expect(await limits()).toEqual([]);
});

it('really limits what a sandbox sends', async () => {
  await run('--network', 'fast:egress_rate=40mbit');
  const receive = 'socat -u TCP-LISTEN:5001,bind=10.88.0.1 - | head -c 10000000 | wc -c';
  const send = `for try in $(seq 50); do head -c 12000000 /dev/zero | socat -u - TCP:10.88.0.1:5001 2>/dev/null && exit; sleep 0.05; done`;
  const [started, received] = [performance.now(), host.exec('sh', '-c', receive)];
  const sent = host.tsnet('exec', 'web', '--', 'sh', '-c', send);
  expect(await received).toBe('10000000');
  const seconds = (performance.now() - started) / 1000;
  // 80 million bits at 40 million a second, and what a busy machine adds.
  expect(seconds).toBeGreaterThan(1.9);
  expect(seconds).toBeLessThan(6);
  await host.succeed('rm', '-f', 'web');
  await sent;
});
