import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { create } from '../../../src/frontends/netavark/create.ts';
import { runNetavark } from '../../../src/frontends/netavark/index.ts';
import type { KnownNetwork } from '../../../src/frontends/netavark/podman-networks.ts';
import { parseSubnet, toTsnetError } from '../../../src/model/index.ts';
import { observeOwned } from '../../../src/observe/index.ts';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

// What Podman 5.4 really sent, call by call, against a real kernel: only Podman is missing. Where it can be had,
// test/engine/podman5.test.ts runs it.
const recording = join(import.meta.dirname, '../../fixtures/netavark/podman-5.4.jsonl');

interface Created {
  readonly name: string;
  readonly subnets?: readonly { readonly subnet: string }[];
}

interface Call {
  readonly args: readonly [string, string?];
  readonly exitCode: number;
  readonly request: Created;
  readonly answer: Created | null;
}

const calls = readFileSync(recording, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Call);

let host: Host;
const boxes = new Map<string, Netns>();
const created: KnownNetwork[] = [];

beforeAll(async () => {
  host = await createHost();
  for (const { args } of calls) {
    const [, path] = args;
    if (path !== undefined && !boxes.has(path)) boxes.set(path, await createNetns(path));
  }
});
afterAll(async () => {
  for (const box of boxes.values()) await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

/** Podman writes its networks into files, which are not those of this machine. */
async function createNetwork({ request }: Call): Promise<unknown> {
  const answer = (await create(host.context, request, created).catch((error: unknown) => ({
    error: toTsnetError(error).message,
  }))) as Created & { readonly error?: string };
  if (answer.error === undefined) {
    const subnets = (answer.subnets ?? []).map(({ subnet }) => parseSubnet(subnet));
    created.push({ name: answer.name, subnets });
  }
  return answer;
}

async function replay(call: Call): Promise<unknown> {
  const [command, path] = call.args;
  if (command === 'create') return createNetwork(call);
  const args = [command, boxes.get(path ?? '')?.path ?? ''];
  const stdin = JSON.stringify(call.request);
  const { exitCode, stdout } = await runNetavark(() => Promise.resolve(host.context), {
    args,
    env: {},
    stdin,
  });
  expect(exitCode, stdout).toBe(call.exitCode);
  return stdout === '' ? null : JSON.parse(stdout);
}

/** Without the MAC of an interface that has no address: it is random. */
function comparable(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer).replaceAll(/"mac_address":"[^"]*","subnets":\[\]/g, '"subnets":[]'),
  );
}

it('gives Podman 5.4 the answers that it got, and leaves nothing', async () => {
  for (const call of calls) {
    const { error } = (call.answer ?? {}) as { readonly error?: string };
    const answer = await replay(call);
    const what = `${call.args.join(' ')} ${call.request.name ?? ''}`;
    // Hints stand behind the message.
    if (error === undefined) expect(comparable(answer), what).toEqual(comparable(call.answer));
    else expect(error, what).toContain((answer as { readonly error: string }).error);
  }
  expect(await observeOwned(host.context.kernel)).toEqual([]);
  expect(host.context.state.read((view) => [...view.networks(), ...view.endpoints()])).toEqual([]);
});
