import { describe, expect, it } from 'vitest';
import { watchKernel } from '../../../src/network/index.ts';
import { arp, ethernet, etherTypes } from '../../support/frames.ts';
import { createSite, settle, type Container, type Site } from './site.ts';

const bridgeNetfilter =
  'for name in iptables ip6tables; do echo 1 >/proc/sys/net/bridge/bridge-nf-call-$name; done';
const everybody = 'ff:ff:ff:ff:ff:ff';

/** ARP in the name of the gateway. */
function claim({ mac }: Container): Buffer {
  return ethernet(everybody, mac, etherTypes.arp, arp(2, { mac, ip: '10.1.0.1' }, '10.1.0.3'));
}

/** Counts frames of one container that arrive at another. */
async function countArrivals(mallory: Container, victim: Container): Promise<() => Promise<number>> {
  await victim.netns.exec(
    'nft',
    `add table netdev watch; add chain netdev watch in { type filter hook ingress device eth0 priority -500; };
     add rule netdev watch in ether saddr ${mallory.mac} ether type arp counter`,
  );
  return async () => {
    const { stdout } = await victim.netns.exec('nft', 'list', 'table', 'netdev', 'watch');
    return Number(/counter packets (\d+)/.exec(stdout)?.[1]);
  };
}

async function flush(site: Site, times: number, pauseMs: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await site.sh('nft flush ruleset');
    await pause(pauseMs);
  }
}

describe.each(['nftables', 'iptables'] as const)(
  'while somebody flushes again and again, with %s',
  (firewall) => {
    it('and icc=false, no ARP passes between containers', async () => {
      await using site = await createSite({
        firewall,
        options: { icc: 'false' },
        containers: 2,
        before: bridgeNetfilter,
      });
      const [mallory, victim] = site.containers as [Container, Container];
      const arrived = await countArrivals(mallory, victim);
      {
        await using _watch = watchKernel(site.host.context);
        await using _flood = mallory.flood(claim(mallory));
        await settle();
        await flush(site, 30, 100);
        expect(await arrived()).toBe(0);
        // Nothing else of ours forbids it then; the last flush may have taken it already.
        await site.sh('nft delete table bridge tsnet || true');
        const { stdout } = await site.host.netns.exec('nft', 'list', 'table', 'bridge', 'tsnet-guard');
        expect(stdout).toContain('iifgroup 29811 ether type != ip ether type != ip6 drop');
      }
      // Without the daemon a flush lets it pass: the counter sees it.
      await site.sh('nft flush ruleset');
      await mallory.send(claim(mallory));
      await expect.poll(arrived).toBeGreaterThan(0);
    }, 60_000);

    it('and antispoof, its rules are back at once, without patience', async () => {
      await using site = await createSite({
        firewall,
        options: { 'tsnet.antispoof': 'true' },
        containers: 2,
      });
      const [mallory, victim] = site.containers as [Container, Container];
      const arrived = await countArrivals(mallory, victim);
      await using _watch = watchKernel(site.host.context);
      await using _flood = mallory.flood(claim(mallory));
      // More repairs than the watch makes without a pause of two seconds and more.
      await flush(site, 12, 500);
      const before = await arrived();
      await pause(500);
      expect((await arrived()) - before).toBe(0);
      const { stdout } = await site.host.netns.exec('nft', 'list', 'set', 'bridge', 'tsnet', 'macs');
      expect(stdout).toContain(mallory.mac);
    }, 60_000);
  },
);

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
