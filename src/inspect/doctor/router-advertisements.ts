import { fact, found } from '../port/hop.ts';
import { bridgeOf } from '../port/lookup.ts';
import { sysctl } from '../port/scene.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** Bridges from which the host lets a container tell it where its router is. */
export const routerAdvertisements: Check = {
  name: 'router advertisements',
  find: (scene) => {
    const { inspection, host } = scene;
    const names = new Set(
      bridgedNetworks(scene).flatMap((network) => bridgeOf(inspection, network)?.name ?? []),
    );
    return [...names].flatMap((name) => {
      const setting = (last: string) => sysctl(host, `ipv6/conf/${name}/${last}`);
      const accepts = setting('accept_ra');
      // 1: as long as the host is no router itself. Source: Linux ip-sysctl.rst.
      const isTaken = accepts === '2' || (accepts === '1' && setting('forwarding') === '0');
      if (!isTaken || setting('disable_ipv6') === '1') return [];
      return [
        found('bridge.accepts-routers', {
          severity: 'warning',
          subject: `link ${name}`,
          message: `the host takes routes and addresses from router advertisements at ${name}: every container there can send them`,
          evidence: [fact('sysctl', `net.ipv6.conf.${name}.accept_ra`, accepts)],
          fix: [`sysctl -w net/ipv6/conf/${name}/accept_ra=0`],
          hint: 'leave it where the bridge leads to the router of the host',
        }),
      ];
    });
  },
};
