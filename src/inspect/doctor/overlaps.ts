import { overlaps as overlapping, prefixOf, type Subnet } from '../../model/index.ts';
import type { Finding } from '../finding.ts';
import type { NetworkView } from '../engines/container-view.ts';
import { fact, found } from '../port/hop.ts';
import { bridgeOf, engineKindOf } from '../port/lookup.ts';
import { formatRoute } from '../port/routing.ts';
import type { Scene } from '../port/scene.ts';
import { shellWords } from '../port/shell-word.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** Ranges that two networks, or a network and a route of the host, both claim. */
export const overlaps: Check = {
  name: 'overlapping subnets',
  find: (scene) => {
    const networks = bridgedNetworks(scene);
    return [
      ...networks.flatMap((network) => routeFindings(scene, network)),
      ...networks.flatMap((one, index) =>
        networks.slice(index + 1).flatMap((other) => networkFindings(scene, one, other)),
      ),
    ];
  },
};

function routeFindings({ inspection, host }: Scene, network: NetworkView): Finding[] {
  const bridge = bridgeOf(inspection, network);
  return host.routes
    .filter(
      ({ destination, type, nextHops }) =>
        type === 'unicast' && destination !== undefined && nextHops[0]?.linkIndex !== bridge?.index,
    )
    .flatMap((route) =>
      network.subnets
        .filter(({ subnet }) => isCovered(route.destination, subnet))
        .map(({ subnet }) => overlapOf(network, subnet, route.destination, formatRoute(host, route))),
    );
}

function isCovered(destination: Subnet | undefined, subnet: Subnet): destination is Subnet {
  return destination !== undefined && overlapping(destination, subnet);
}

function overlapOf(
  network: NetworkView,
  subnet: Subnet,
  destination: Subnet | undefined,
  entry: string,
): Finding {
  const takes = destination !== undefined && prefixOf(destination) > prefixOf(subnet);
  return found('subnet.overlap', {
    severity: takes ? 'error' : 'warning',
    subject: `network ${network.name}`,
    message: takes
      ? `the route "${entry}" is more specific than ${subnet} of network ${network.name} and takes a part of it away`
      : `network ${network.name} (${subnet}) lies in the way of the route "${entry}": what is behind it cannot be reached`,
    evidence: [fact('rtnetlink', `route ${destination}`, entry)],
    fix: takes ? [`ip route del ${shellWords(entry)}`] : [],
    hint: 'if that route is needed, make the network again with another subnet',
  });
}

function networkFindings({ inspection }: Scene, one: NetworkView, other: NetworkView): Finding[] {
  const engine = engineKindOf(inspection, other) ?? 'docker';
  return one.subnets.flatMap(({ subnet }) =>
    other.subnets
      .filter((each) => overlapping(each.subnet, subnet))
      .map((each) =>
        found('subnet.overlap', {
          subject: `network ${one.name}`,
          message: `networks ${one.name} (${subnet}) and ${other.name} (${each.subnet}) overlap: the host reaches only one of them`,
          evidence: [fact(engine, `network ${other.name}`, each.subnet)],
          hint: 'make one of them again with another subnet',
        }),
      ),
  );
}
