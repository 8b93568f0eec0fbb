import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFirewall, type Firewall } from '../../../src/firewall/index.ts';
import { lockDirectory } from '../../support/lock-directory.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { network, port } from './resources.ts';

describe.each(['nftables', 'iptables-nft', 'iptables-legacy'] as const)('%s', (backend) => {
  let host: Netns;
  let firewall: Firewall;
  beforeAll(async () => {
    host = await createNetns('host');
    firewall = await openFirewall({ backend, netns: host.path, lockDirectory });
    await firewall.prepare();
    await firewall.apply({
      remove: [],
      add: [network('tsb-a', ['10.1.0.0/24']), port('tcp', 8080, '10.1.0.2')],
    });
  });
  afterAll(async () => {
    firewall[Symbol.dispose]();
    await host[Symbol.asyncDispose]();
  });

  const flush =
    backend === 'nftables'
      ? 'nft flush ruleset'
      : `${backend} -F; ${backend} -t nat -F; ${backend} -P FORWARD DROP`;
  const add = `${backend === 'nftables' ? 'iptables-nft' : backend} -I FORWARD -s 203.0.113.7 -j DROP`;

  it('has no damage and the same revision as long as nobody changes anything', async () => {
    expect(await firewall.findDamage()).toEqual([]);
    const revision = await firewall.readRevision();
    expect(await firewall.readRevision()).toBe(revision);
  });

  // iptables has no number of who changed what.
  it.each(backend === 'nftables' ? [backend] : [])('%s does not count own changes', async () => {
    const revision = await firewall.readRevision();
    const more = port('udp', 53, '10.1.0.2');
    await firewall.apply({ remove: [], add: [more] });
    await firewall.apply({ remove: [more], add: [] });
    expect(await firewall.readRevision()).toBe(revision);
  });

  it.each([flush, add])('notices and names what %s does, and prepare puts it in order', async (command) => {
    const revision = await firewall.readRevision();
    await host.exec('sh', '-c', command);
    expect(await firewall.readRevision()).not.toBe(revision);
    const damage = await firewall.findDamage();
    expect(damage.join('\n')).toContain('IPv4 filter chain FORWARD');
    if (command === flush && backend === 'nftables') expect(damage[0]).toBe('nft table inet tsnet');
    expect(await firewall.findDamage()).toEqual(damage);
    await firewall.prepare();
    expect(await firewall.findDamage()).toEqual([]);
  });

  // The kernel sends no event for changes of the legacy flavour.
  it.each(backend === 'iptables-legacy' ? [] : [backend])('%s calls back at a change', async () => {
    let subscription: Disposable | undefined;
    const called = new Promise<void>((resolve) => {
      subscription = firewall.subscribe(resolve);
    });
    await host.exec('iptables-nft', '-N', 'SOMETHING');
    await called;
    subscription?.[Symbol.dispose]();
  });
});
