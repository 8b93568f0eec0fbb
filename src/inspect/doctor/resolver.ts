import type { Finding } from '../finding.ts';
import { fact, found } from '../port/hop.ts';
import { allContainers, netnsOf } from '../port/lookup.ts';
import type { Scene } from '../port/scene.ts';
import { shellWord } from '../port/shell-word.ts';
import type { ContainerView } from '../engines/container-view.ts';
import type { Check } from './check.ts';

/** Where Docker's resolver listens in containers of networks with names. Source: moby, `libnetwork/resolver.go`. */
const address = '127.0.0.11';

/** Resolvers that lost the rules by which port 53 leads to them. */
export const resolver: Check = {
  name: 'name service',
  find: (scene) =>
    allContainers(scene.inspection).flatMap(({ container }) => resolverFindings(scene, container)),
};

function resolverFindings(scene: Scene, container: ContainerView): Finding[] {
  const netns = netnsOf(scene.inspection, container);
  const socket = netns?.sockets.find(({ ip, protocol }) => ip === address && protocol === 'udp');
  if (netns === undefined || netns === scene.host || socket === undefined || netns.ruleSets === undefined)
    return [];
  const rules = scene.rulesOf(netns);
  const isLed = rules?.tables.some(({ chains }) =>
    [...chains.values()].some((chain) => chain.rules.some(({ text }) => text.includes(address))),
  );
  if (isLed !== false) return [];
  return [
    found('names.redirect-lost', {
      subject: `container ${container.name}`,
      message: `the resolver of ${container.name} at ${address} has lost the rules in the container's namespace that lead port 53 to it: no name resolves`,
      evidence: [
        fact('sock_diag', `${netns.id} udp ${socket.port}`, `${address}:${socket.port}`),
        fact('nft', `${netns.id} nat`, `no rule for ${address}`),
      ],
      fix: [`docker restart ${shellWord(container.name)}`],
    }),
  ];
}
