import { lockDirectory } from '../../support/lock-directory.ts';
import { describe, expect, it } from 'vitest';
import { openFirewall } from '../../../src/firewall/index.ts';
import { createNetns } from '../../support/netns.ts';
import { network, port } from './resources.ts';

const a = network('tsb-a', ['10.1.0.0/24', 'fd00:1::/64']);

describe.each(['iptables-nft', 'iptables-legacy'] as const)('the %s firewall', (backend) => {
  const flavour = backend.replace('iptables-', '');

  it('loses no change of several writers', async () => {
    await using host = await createNetns('writers');
    const firewalls = await Promise.all(
      Array.from({ length: 3 }, async () => await openFirewall({ backend, netns: host.path, lockDirectory })),
    );
    try {
      await Promise.all(
        firewalls.map(async (firewall, writer) => {
          for (let index = 0; index < 4; index++) {
            await firewall.apply({ remove: [], add: [port('tcp', 1 + writer * 100 + index, '10.1.0.2')] });
          }
        }),
      );
      expect(await firewalls[0]?.observeAll()).toHaveLength(12);
    } finally {
      for (const firewall of firewalls) firewall[Symbol.dispose]();
    }
  });

  it('leaves the rules of others alone', async () => {
    await using host = await createNetns('others');
    using firewall = await openFirewall({ backend, netns: host.path, lockDirectory });
    const foreign = '-s 10.9.0.0/16 -m comment --comment "say \\"hi\\" to TSNET-X" -j ACCEPT';
    await host.exec('sh', '-ec', `iptables-${flavour} -A FORWARD ${foreign}; iptables-${flavour} -N MINE`);
    const before = await rulesIn();
    await firewall.prepare();
    await firewall.apply({ remove: [], add: [a, port('sctp', 7, '10.1.0.2')] });
    expect(await rulesIn()).toContain(`-A FORWARD ${foreign}`);
    expect(await firewall.observeAll()).toEqual([a, port('sctp', 7, '10.1.0.2')]);
    await firewall.remove();
    expect(await rulesIn()).toEqual(before);

    async function rulesIn(): Promise<string[]> {
      const { stdout } = await host.exec(`iptables-${flavour}-save`);
      return stdout.split('\n').filter((line) => /^-|MINE/.test(line));
    }
  });
});

describe('the iptables-nft firewall', () => {
  it('takes IPv4 back when IPv6 fails', async () => {
    await using host = await createNetns('half');
    using firewall = await openFirewall({ backend: 'iptables-nft', netns: host.path, lockDirectory });
    await firewall.apply({ remove: [], add: [a] });
    const before = (await host.exec('iptables-nft-save', '-t', 'nat')).stdout.match(/^-A TSNET.*$/gm);
    // A base chain of another kind makes the table unusable for iptables.
    await host.exec('nft', 'delete table ip6 nat; add table ip6 nat');
    await host.exec('nft', 'add chain ip6 nat POSTROUTING { type filter hook forward priority 55; }');
    const added = [port('tcp', 8080, '10.1.0.2'), port('tcp', 8080, 'fd00:1::2')];
    await expect(firewall.apply({ remove: [], add: added })).rejects.toMatchObject({ kind: 'kernel' });
    const after = (await host.exec('iptables-nft-save', '-t', 'nat')).stdout.match(/^-A TSNET.*$/gm);
    expect(after).toEqual(before);
  });
});
