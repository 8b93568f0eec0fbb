import { expect, it } from 'vitest';
import { parseNetworkId } from '../../../src/model/index.ts';
import { createNetwork } from '../../../src/network/index.ts';
import { readNetworkResources } from '../../../src/network/network-resources.ts';
import { SettingsRound } from '../../../src/network/settings-round.ts';
import { createHost } from '../../support/host.ts';
import { plainNetwork } from '../../support/plain-network.ts';

const count = 45;

it('the settings of many networks are read by turns, and decided on once', async () => {
  await using host = await createHost();
  const ids = Array.from({ length: count }, (_, index) =>
    index.toString(16).padStart(2, '0').padEnd(64, 'a'),
  );
  for (const id of ids)
    await createNetwork(host.context, plainNetwork({ id: parseNetworkId(id), subnets: [] }));
  const read = () => readNetworkResources(host.context);
  expect(read()).toBe(read());
  const round = new SettingsRound();
  const looks = () => Array.from({ length: round.looks }, () => round.holds(read(), host.context));
  expect(round.holds(read(), host.context)).toBe(true);
  expect(round.looks).toBeGreaterThan(1);
  expect(looks()).not.toContain(false);
  for (const id of [ids[0], ids.at(-1)]) {
    const path = `/proc/sys/net/ipv6/conf/tsb-${id?.slice(0, 10)}/accept_redirects`;
    await host.netns.exec('sh', '-c', `echo 1 >${path}`);
    expect(looks().filter((holds) => !holds)).toHaveLength(1);
    await host.netns.exec('sh', '-c', `echo 0 >${path}`);
  }
  if (process.env['TSNET_FIGURES'] !== undefined) {
    const started = performance.now();
    for (let look = 0; look < 20; look += 1) round.holds(read(), host.context);
    process.stderr.write(`a look at settings: ${((performance.now() - started) / 20).toFixed(1)} ms\n`);
  }
}, 60_000);
