import { lockDirectory } from '../../support/lock-directory.ts';
import { describe, expect, it } from 'vitest';
import { openFirewall, type FirewallResource } from '../../../src/firewall/index.ts';
import { parsePort, type PublishedPort } from '../../../src/model/index.ts';
import { createNetns } from '../../support/netns.ts';
import { network, port } from './resources.ts';

const bridge = network('tsb-a', ['10.1.0.0/16', 'fd00:1::/64']);

/** So many ports, each with an owner of the length that an engine's ids have. */
function manyPorts(count: number): PublishedPort[] {
  return Array.from({ length: count }, (_, index) => ({
    ...port('tcp', 20_000 + index, `10.1.${index >> 8}.${index & 255}`),
    owner: `endpoint:${index.toString(16).padStart(64, '0')}` as const,
  }));
}

async function millisecondsOf(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

describe('the nftables firewall with many ports', () => {
  it.each([5_000, 10_000])('costs the same for one port more when it holds %i', async (count) => {
    await using host = await createNetns('scale');
    using firewall = await openFirewall({ backend: 'nftables', netns: host.path, lockDirectory });
    await firewall.prepare();
    const held: FirewallResource[] = [bridge, ...manyPorts(count)];
    const fill = await millisecondsOf(() => firewall.apply({ remove: [], add: held }));

    const [adding, observing, removing]: [number[], number[], number[]] = [[], [], []];
    for (let index = 0; index < 50; index++) {
      const one = { ...port('udp', 9_000 + index, '10.1.0.9'), targetPort: parsePort(53) };
      adding.push(await millisecondsOf(() => firewall.apply({ remove: [], add: [one] })));
      observing.push(await millisecondsOf(() => firewall.observe([one])));
      if (index < 10) {
        removing.push(await millisecondsOf(() => firewall.apply({ remove: [one], add: [] })));
      }
    }
    const listing = await millisecondsOf(() => firewall.observeAll());
    const preparing = await millisecondsOf(() => firewall.prepare());
    expect(await firewall.observeAll()).toHaveLength(count + 1 + 40);

    // The structure is replaced in one step when it is not current, and what it holds is kept.
    await host.exec('nft', 'flush', 'chain', 'inet', 'tsnet', 'forward');
    const replacing = await millisecondsOf(() => firewall.prepare());
    expect(await firewall.observeAll()).toHaveLength(count + 1 + 40);

    const clearing = await millisecondsOf(() => firewall.remove());
    expect(await firewall.observeAll()).toEqual([]);
    console.log(
      `${count} ports, ms: fill ${round(fill)}, add one ${round(median(adding))}, observe one ` +
        `${round(median(observing))}, remove one ${round(median(removing))}, list ${round(listing)}, ` +
        `prepare ${round(preparing)}, replace ${round(replacing)}, clear ${round(clearing)}`,
    );
  });
});

function round(value: number): string {
  return value.toFixed(2);
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
