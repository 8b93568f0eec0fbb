import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Engine, startEngine, testImage } from '../support/engine.ts';

// Many at once. TSNET_TEST_CONTAINERS sets how many containers; 200 take a minute of two cores.
const containers = Number(process.env['TSNET_TEST_CONTAINERS'] ?? 60);
const networks = 50;
/** Clients that ask at the same time. */
const clients = 20;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.startDaemon();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const left = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (left.length > 0) await engine.docker('rm', '-f', ...left);
  await engine.docker('network', 'prune', '-f');
});

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Does something for each number, so many at the same time as there are clients. */
async function forEach(count: number, action: (number: number) => Promise<string>): Promise<string[]> {
  const waiting = numbers(count);
  const results: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next] = await action(next);
    }
  };
  await Promise.all(numbers(clients).map(work));
  return results;
}

it(`${networks} networks are created at once, each with a range of its own, and removed at once`, async () => {
  await forEach(networks, (number) =>
    engine.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', `n${number}`),
  );
  const ranges = await forEach(networks, (number) =>
    engine.docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', `n${number}`),
  );
  expect(new Set(ranges).size).toBe(networks);
  await forEach(networks, (number) => engine.docker('network', 'rm', `n${number}`));
  expect(await engine.leftovers()).toEqual([]);
});

it(`${containers} containers start at once on one network, each with a port, and end at once`, async () => {
  const ipam = ['--ipam-driver', 'tsnet', '--subnet', '10.70.0.0/16'];
  await engine.docker('network', 'create', '-d', 'tsnet', ...ipam, 'crowd');
  await forEach(containers, (number) =>
    engine.docker(
      'run',
      '-d',
      '--name',
      `c${number}`,
      '--network',
      'crowd',
      '-p',
      `${20_000 + number}:80`,
      testImage,
    ),
  );
  const answers = await forEach(containers, (number) =>
    engine.lan.exec(
      'curl',
      '-s',
      '--noproxy',
      '*',
      '--retry',
      '5',
      '--retry-connrefused',
      '--max-time',
      '10',
      `http://192.0.2.1:${20_000 + number}/`,
    ),
  );
  expect(new Set(answers).size).toBe(containers);
  await forEach(containers, (number) => engine.docker('rm', '-f', `c${number}`));
  await engine.docker('network', 'rm', 'crowd');
  expect(await engine.leftovers()).toEqual([]);
});
