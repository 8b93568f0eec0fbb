import { familyOf, type Ip } from '../../model/index.ts';
import { bad, fact, found, good, surprising, unknown } from './hop.ts';
import { restoreDefaultRoute } from './attachment.ts';
import { bridgeOf, gatewayIn, linkCalled, linkAt, linkWith, relationsOf } from './lookup.ts';
import type { Hop } from './report.ts';
import { effective, type Scene } from './scene.ts';
import { shellWord } from './shell-word.ts';
import { insideOf, nameOf, type Target } from './target.ts';

/** Whether the answer finds the way out of the container, to the link it is expected on. */
export async function wayBackHop(scene: Scene, target: Target, asker: Ip): Promise<Hop> {
  const { netns, container } = target;
  if (netns === undefined) return unknown('way back', `how ${target.ip} answers could not be seen`);
  const inner = linkWith(netns, target.ip);
  // What ends there was said where the packet came in.
  if (inner === undefined || !inner.isUp) return unknown('way back', `${target.ip} is not up`);
  const answer = await scene.askRoute({ netns, to: asker, from: target.ip, protocol: target.protocol });
  const name = nameOf(target);
  const routes = netns.routes.filter(({ table }) => table === 254).length;
  if (answer.kind === 'none') {
    return bad(
      'way back',
      found('container.no-route-back', {
        subject: container === undefined ? `address ${target.ip}` : `container ${name}`,
        message: `${name} gets the request but has no route back to ${asker}${hasDefault(target) ? '' : ': its default route is missing'}`,
        evidence: [
          fact('rtnetlink', `${netns.id} route to ${asker}`, `${answer.why}; ${routes} routes in main`),
        ],
        fix: restoreDefaultRoute(scene.inspection, target),
      }),
      'timeout',
    );
  }
  if (answer.kind === 'local') return good('way back', `${asker} is in the same namespace`);
  if (answer.link !== inner.name)
    return otherLinkHop(scene, target, { asker, inner: inner.name, outer: answer.link });
  return (
    wrongGatewayHop(scene, target, asker, answer.gateway) ??
    good(
      'way back',
      `${name}: ${answer.entry}`,
      fact('rtnetlink', `${netns.id} route to ${asker}`, answer.entry),
    )
  );
}

function hasDefault({ netns, ip }: Target): boolean {
  return (netns?.routes ?? []).some(
    (route) => route.family === familyOf(ip) && route.destination === undefined && route.type === 'unicast',
  );
}

/** The answer leaves by another link than the request came in by: strict reverse path filtering drops it. */
function otherLinkHop(
  { inspection, host }: Scene,
  target: Target,
  { asker, inner, outer }: { readonly asker: Ip; readonly inner: string; readonly outer: string },
): Hop {
  const { netns } = target;
  const name = nameOf(target);
  const leaving = netns && linkCalled(netns, outer);
  const peer = leaving && netns && relationsOf(inspection).peerOf({ netns, link: leaving });
  if (netns === undefined || peer === undefined || peer.netns.id !== host.id) {
    return good('way back', `${name} answers by ${outer}, not by ${inner}`);
  }
  const arriving = linkAt(host, peer.link.masterIndex) ?? peer.link;
  const expected = target.network && bridgeOf(inspection, target.network);
  const filter = effective(host, arriving.name, 'rp_filter');
  const evidence = [
    fact('rtnetlink', `${netns.id} route to ${asker}`, `dev ${outer}`),
    fact('sysctl', `net.ipv4.conf.${arriving.name}.rp_filter`, `${filter ?? 'not read'} (with all)`),
  ];
  if (familyOf(target.ip) === 4 && filter === 1) {
    return bad(
      'way back',
      found('route.reverse-path', {
        subject: `link ${arriving.name}`,
        message: `answers of ${name} come in by ${arriving.name} but are expected on ${expected?.name ?? inner}: strict reverse path filtering drops them`,
        evidence,
        fix: [`sysctl -w ${shellWord(`net.ipv4.conf.${arriving.name}.rp_filter=2`)}`],
        hint: 'or make the network of the published port the one with the gateway',
      }),
      'timeout',
    );
  }
  return good(
    'way back',
    `${name} answers by ${outer} to ${arriving.name}; rp_filter ${filter ?? 'not read'}`,
    ...evidence,
  );
}

/** The default route leads to an address that nobody has who was seen. */
function wrongGatewayHop(
  { inspection }: Scene,
  target: Target,
  asker: Ip,
  gateway: Ip | undefined,
): Hop | undefined {
  const { network, netns, container } = target;
  const own = network && gatewayIn(inspection, network, familyOf(target.ip));
  if (network?.driver !== 'bridge' && network?.driver !== 'tsnet') return undefined;
  if (gateway === undefined || own === undefined || gateway === own || netns === undefined) return undefined;
  const isSomebodys = inspection.snapshot.namespaces.some(({ addresses }) =>
    addresses.some(({ address }) => address.startsWith(`${gateway}/`)),
  );
  if (isSomebodys) return undefined;
  return surprising(
    'way back',
    found('container.wrong-gateway', {
      severity: 'warning',
      isCertain: false,
      subject: `container ${container?.name ?? target.ip}`,
      message: `${nameOf(target)} answers ${asker} by ${gateway}, which is nobody's address here; network ${network.name} has ${own}`,
      evidence: [fact('rtnetlink', `${netns.id} route to ${asker}`, `via ${gateway}`)],
      fix: [`${insideOf(target)}ip route replace default via ${own}`],
    }),
  );
}
