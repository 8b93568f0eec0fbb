import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteNetwork, releasePool } from '../../../src/network/index.ts';
import { observeOwned } from '../../../src/observe/index.ts';
import { createHost, type Host } from '../../support/host.ts';
import { replay, type Replayed } from '../../support/replay.ts';

// What engines 20.10, 26.1 and 28.5 really sent, scenario by scenario, against tsnet on a real kernel. Only the engine
// is missing: nobody moves a link into a container.
const traffic = join(import.meta.dirname, '../../fixtures/cnm-traffic');

/** Calls that must be refused, by scenario and call, with a part of the message. All others must succeed. */
const refusals: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  '13-multi-subnet': { 'IpamDriver.RequestAddress': /all 2 addresses are taken/ },
  // The recorded plugin named a gateway with its pool; ours is asked for one, so the recorded one fits no pool of ours.
  '14-ipam-returns-gateway-in-data': { 'NetworkDriver.CreateNetwork': /Gateway: .* is not allowed/ },
  '24-run-port-ranges-multi': {
    'NetworkDriver.ProgramExternalConnectivity': /on ::1: the container has no IPv6 address/,
  },
  '31-static-ip': { 'IpamDriver.RequestAddress': /10\.31\.0\.50 is already in use/ },
  // The recorded plugin asked for replays. We do not, so a range that is in use is one.
  '53-dockerd-kill9-with-replay-capability': {
    'IpamDriver.RequestPool': /overlaps with the pool/,
    'IpamDriver.RequestAddress': /is already in use/,
  },
  // The engine's own IPAM chose a range that ours had given away; on a real host each avoids the other's routes.
  '57-dockerd-boot-plugin-down': { 'NetworkDriver.CreateNetwork': /its addresses overlap network/ },
  '60-http-error-forms': { 'NetworkDriver.CreateNetwork': /its addresses overlap network/ },
  '70-raw-api-validation': {
    'IpamDriver.RequestPool': /is not allowed|overlaps with the pool/,
    'IpamDriver.RequestAddress': /is outside|not allowed|is not known/,
    'NetworkDriver.CreateNetwork': /Gateway: .* is not allowed/,
  },
  '99-same-host-port-twice': { 'NetworkDriver.ProgramExternalConnectivity': /8080\/tcp: it is held by/ },
};

let host: Host;
beforeAll(async () => {
  host = await createHost();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

describe('recorded traffic', () => {
  it.each(readdirSync(traffic))('%s', async (file) => {
    const scenario = file.slice(file.indexOf('__') + 2, -'.jsonl'.length);
    const done = await replay(host, join(traffic, file));
    for (const step of done) expectAnswer(scenario, step);
    await removeEverything();
    expect(await observeOwned(host.context.kernel)).toEqual([]);
    expect(host.complaints.filter((line) => line.includes('"kind":"bug"'))).toEqual([]);
  });
});

function expectAnswer(scenario: string, { call, sent, answer }: Replayed): void {
  const what = `${call} ${JSON.stringify(sent)} -> ${JSON.stringify(answer.body)}`;
  const refusal = refusals[scenario]?.[call];
  const error = answer.body['Err'];
  if (sent === undefined && !withoutBody.has(call)) expect(error, what).toContain('empty request');
  else if (refusal !== undefined && error !== undefined) expect(error, what).toMatch(refusal);
  else expect(error, what).toBeUndefined();
}

const withoutBody = new Set([
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces',
]);

async function removeEverything(): Promise<void> {
  const { state } = host.context;
  for (const { id } of state.read((view) => view.networks())) await deleteNetwork(host.context, id);
  for (const { id } of state.read((view) => view.pools())) await releasePool(host.context, id);
}
