import { afterEach, describe, expect, it } from 'vitest';
import { deleteNetwork, recover } from '../../../src/network/index.ts';
import { parseNetworkId } from '../../../src/model/index.ts';
import { ethernet, etherTypes, icmpv6, redirect6, routerAdvertisement } from '../../support/frames.ts';
import { createSite, settle, type Container, type Site, type SiteOptions } from './site.ts';

// A host that takes advertisements, as every Linux host does by itself, and a container that plays the router.
const takesAdvertisements = `echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
  for name in all default; do echo 1 >/proc/sys/net/ipv6/conf/$name/accept_ra; done`;
const router = 'fe80::bad:1';

let site: Site;
afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

function advertisement({ mac }: Container, destination = '33:33:00:00:00:01'): Buffer {
  const packet = icmpv6(router, 'ff02::1', 134, routerAdvertisement('2001:db8:bad::', mac));
  return ethernet(destination, mac, etherTypes.ipv6, packet);
}

/** Routes and addresses that come from what the container advertised. It is a neighbour, as it may be, and no router. */
async function taken(): Promise<string> {
  const facts = await site.sh('ip -6 route show table all; ip -6 address');
  return facts
    .split('\n')
    .filter((line) => /bad|proto ra/.test(line))
    .join('\n');
}

const first = (): Container => site.containers[0] as Container;

/** Group addresses that a bridge keeps for itself: what is sent there comes in at the port. */
const places = ['33:33:00:00:00:01', '02:42:0a:01:00:01', '01:80:c2:00:00:03', '01:80:c2:00:00:0e'];

const networks: Readonly<Record<string, SiteOptions>> = {
  'an IPv4 network': {},
  'an IPv4 network with iptables': { firewall: 'iptables' },
  'an internal network': { isInternal: true },
  'an isolated network': { isInternal: true, options: { 'tsnet.gateway_mode_ipv4': 'isolated' } },
  'a network with antispoof': { options: { 'tsnet.antispoof': 'true' } },
  'a network without icc': { options: { icc: 'false' } },
};

describe.each(Object.entries(networks))('from a container of %s the host takes', (_, options) => {
  it('no router, prefix or address', async () => {
    site = await createSite({ ...options, before: takesAdvertisements });
    for (const place of places) await first().send(advertisement(first(), place));
    await settle();
    expect(await taken()).toBe('');
  });
});

it('a host takes them from a bridge that others made, which may lead to a router, and says so', async () => {
  site = await createSite({
    options: { bridge: 'lan0' },
    before: `${takesAdvertisements}; ip link add lan0 type bridge; ip link set lan0 up`,
  });
  await first().send(advertisement(first()));
  await settle();
  expect(await taken()).toContain('default via fe80::bad:1 dev lan0 proto ra');
  expect(site.host.complaints.join()).toContain(
    '"settings":["ipv4/conf/lan0/accept_redirects","ipv6/conf/lan0/accept_ra"',
  );
});

it('no rules are needed: the host takes none while they are flushed', async () => {
  site = await createSite({ before: takesAdvertisements });
  await site.sh('nft flush ruleset');
  for (const place of places) await first().send(advertisement(first(), place));
  await settle();
  expect(await taken()).toBe('');
});

it('nor where somebody turned IPv6 on for all links', async () => {
  site = await createSite({ before: takesAdvertisements });
  await site.sh(`nft flush ruleset
    echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
    ip -6 address add fe80::1/64 dev ${first().port} nodad`);
  for (const place of places) await first().send(advertisement(first(), place));
  await settle();
  expect(await taken()).toBe('');
});

it('a bridge that is made again takes none, from its first moment on', async () => {
  site = await createSite({ before: takesAdvertisements });
  await using _ = first().flood(advertisement(first()));
  for (let round = 0; round < 50; round += 1) {
    await site.sh(`ip link delete ${site.bridge}`);
    await recover(site.host.context);
    expect(await taken()).toBe('');
  }
});

it('nor does a network that is made again', async () => {
  site = await createSite({ before: takesAdvertisements });
  const NetworkID = 'b'.repeat(64);
  // The link of a container outlives its bridge, and belongs to the next one from its first moment on.
  await using _ = first().flood(advertisement(first()));
  for (let round = 0; round < 50; round += 1) {
    await site.host.succeed('NetworkDriver.CreateNetwork', {
      NetworkID,
      IPv4Data: [{ AddressSpace: '', Pool: '10.2.0.0/24', Gateway: '10.2.0.1/24' }],
    });
    await site.sh(`ip link set ${first().port} master tsb-${'b'.repeat(10)}`);
    await deleteNetwork(site.host.context, parseNetworkId(NetworkID));
    expect(await taken()).toBe('');
  }
});

it('a bridge goes up after its settings', async () => {
  site = await createSite({ containers: 0, before: takesAdvertisements });
  const { context } = site.host;
  const seen: string[] = [];
  const { rtnetlink } = context.kernel;
  const watched = new Proxy(rtnetlink, {
    get(target, name) {
      if (name === 'setLink')
        return async (...[link, change]: Parameters<typeof rtnetlink.setLink>) => {
          const before = await site.sh(`ip link show ${link}; cat /proc/sys/net/ipv6/conf/${link}/accept_ra`);
          if (change.up === true) seen.push(before.includes(',UP') ? 'up already' : before.slice(-2));
          await target.setLink(link, change);
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await site.sh(`ip link delete ${site.bridge}`);
  await recover({ ...context, kernel: { ...context.kernel, rtnetlink: watched } });
  expect(seen).toEqual(['0\n']);
});

it('what somebody turned on again is turned off again', async () => {
  site = await createSite({ before: takesAdvertisements });
  const settings = [
    'ipv6/conf/BR/accept_ra',
    'ipv6/conf/BR/accept_redirects',
    'ipv6/conf/BR/autoconf',
  ].concat('ipv4/conf/BR/accept_redirects');
  const paths = settings.map((name) => `/proc/sys/net/${name.replace('BR', site.bridge)}`).join(' ');
  await site.sh(`for path in ${paths}; do echo 1 >$path; done`);
  expect((await recover(site.host.context)).length).toBe(settings.length);
  expect(await site.sh(`cat ${paths}`)).toBe('0\n'.repeat(settings.length));
  expect(await recover(site.host.context)).toEqual([]);
});

it('an IPv6 network redirects nothing of the host', async () => {
  // The host sends to 2001:db8:1::1 through a neighbour in the network, whose name a container takes.
  site = await createSite({ hasIpv6: true, containers: 2 });
  await site.sh(`echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
    ip route add 2001:db8:1::/64 via fe80::42:aff:fe01:3 dev ${site.bridge}
    ping -c 1 -W 0.3 2001:db8:1::1 || true`);
  const [mallory] = site.containers;
  if (mallory === undefined) throw new Error('no container');
  const redirect = redirect6(router, '2001:db8:1::1', mallory.mac);
  const packet = icmpv6('fe80::42:aff:fe01:3', 'fd00:1::1', 137, redirect);
  await mallory.send(ethernet(site.bridgeMac, mallory.mac, etherTypes.ipv6, packet));
  await settle();
  expect(await site.sh('ip -6 route get 2001:db8:1::1')).not.toContain('bad');
});
