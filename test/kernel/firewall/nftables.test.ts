import { lockDirectory } from '../../support/lock-directory.ts';
import { describe, expect, it } from 'vitest';
import { openFirewall } from '../../../src/firewall/index.ts';
import { createNetns } from '../../support/netns.ts';
import { network, port } from './resources.ts';

const a = network('tsb-a', ['10.1.0.0/24']);

describe('the nftables firewall', () => {
  it('notices that somebody flushed the rule set, and makes its structure again when asked', async () => {
    await using host = await createNetns('flush');
    using firewall = await openFirewall({ backend: 'nftables', netns: host.path, lockDirectory });
    await firewall.prepare();
    await firewall.apply({ remove: [], add: [a, port('tcp', 1, '10.1.0.2')] });
    await host.exec('nft', 'flush', 'ruleset');
    expect(await firewall.observe([a])).toEqual([]);
    expect(await firewall.observeAll()).toEqual([]);
    await firewall.apply({ remove: [a], add: [] });
    const change = { remove: [a], add: [port('tcp', 2, '10.1.0.2')] };
    await expect(firewall.apply(change)).rejects.toMatchObject({ kind: 'drift' });
    await firewall.prepare();
    await firewall.apply(change);
    expect(await firewall.observeAll()).toEqual([port('tcp', 2, '10.1.0.2')]);
  });

  it('loses no change of several writers', async () => {
    await using host = await createNetns('writers');
    const firewalls = await Promise.all(
      Array.from(
        { length: 4 },
        async () => await openFirewall({ backend: 'nftables', netns: host.path, lockDirectory }),
      ),
    );
    try {
      await firewalls[0]?.prepare();
      await Promise.all(
        firewalls.map(async (firewall, writer) => {
          for (let index = 0; index < 25; index++) {
            const one = port('tcp', 1 + writer * 100 + index, '10.1.0.2');
            const next = port('tcp', 1 + writer * 100 + index, '10.1.0.3');
            await firewall.apply({ remove: [], add: [one] });
            await firewall.apply({ remove: [one], add: [next] });
          }
        }),
      );
      const found = (await firewalls[0]?.observeAll()) ?? [];
      expect(found).toHaveLength(100);
      expect(new Set(found.map(({ owner }) => owner))).toEqual(new Set(['endpoint:of-10.1.0.3']));
    } finally {
      for (const firewall of firewalls) firewall[Symbol.dispose]();
    }
  });

  it('can be saved and loaded by nft(8)', async () => {
    await using host = await createNetns('saved');
    using firewall = await openFirewall({ backend: 'nftables', netns: host.path, lockDirectory });
    await firewall.prepare();
    const resources = [a, port('tcp', 1, '10.1.0.2'), port('udp', 1, 'fd00::2', '2001:db8::1')];
    await firewall.apply({ remove: [], add: resources });
    await host.exec(
      'sh',
      '-ec',
      'nft list table inet tsnet >"$0"; nft flush ruleset; nft -f "$0"; rm "$0"',
      `/tmp/${host.name}`,
    );
    const found = await firewall.observeAll();
    expect(found).toHaveLength(resources.length);
    expect(found).toEqual(expect.arrayContaining(resources));
    // Nothing to repair, so nothing was lost on the way.
    const before = (await host.exec('nft', '-a', 'list', 'table', 'inet', 'tsnet')).stdout;
    await firewall.prepare();
    expect((await host.exec('nft', '-a', 'list', 'table', 'inet', 'tsnet')).stdout).toBe(before);
  });

  it('replaces a table of another version and keeps its networks and ports', async () => {
    await using host = await createNetns('version');
    using firewall = await openFirewall({ backend: 'nftables', netns: host.path, lockDirectory });
    await firewall.prepare();
    await firewall.apply({ remove: [], add: [a, port('sctp', 1, '10.1.0.2')] });
    const old = (await host.exec('nft', 'list', 'table', 'inet', 'tsnet')).stdout
      .replace(/tsnet structure \w+/, 'tsnet structure 0123')
      .replace('\t}\n}', '\t}\n\tchain of_another_version {\n\t}\n}');
    await host.exec('sh', '-ec', 'nft flush ruleset; echo "$0" | nft -f -', old);
    await firewall.prepare();
    expect(await firewall.observeAll()).toEqual([a, port('sctp', 1, '10.1.0.2')]);
    expect((await host.exec('nft', 'list', 'ruleset')).stdout).not.toContain('another_version');
  });

  it('sees the program of the default firewall', async () => {
    await using host = await createNetns('auto');
    using firewall = await openFirewall({ backend: 'auto', netns: host.path, lockDirectory });
    expect(firewall.backend).toBe('nftables');
    using classic = await openFirewall({ backend: 'iptables', netns: host.path, lockDirectory });
    expect(classic.backend).toMatch(/^iptables-/);
    await expect(
      openFirewall({ backend: 'nftables', netns: '/run/netns/none', lockDirectory }),
    ).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  it.each(['nftables', 'iptables-nft', 'iptables-legacy'] as const)(
    'auto goes on with %s, where its rules are there',
    async (backend) => {
      await using host = await createNetns('in-use');
      using first = await openFirewall({ backend, netns: host.path, lockDirectory });
      await first.prepare();
      using second = await openFirewall({ backend: 'auto', netns: host.path, lockDirectory });
      expect(second.backend).toBe(backend);
      await first.remove();
      using third = await openFirewall({ backend: 'auto', netns: host.path, lockDirectory });
      expect(third.backend).toBe('nftables');
    },
  );
});
