import { familyOf } from '../../model/index.ts';
import type { Finding } from '../finding.ts';
import { attachmentHops, restoreDefaultRoute } from '../port/attachment.ts';
import { fact, found } from '../port/hop.ts';
import { gatewayIn, linkWith } from '../port/lookup.ts';
import type { Scene } from '../port/scene.ts';
import { nameOf, type Target } from '../port/target.ts';
import type { Check } from './check.ts';
import { runningTargets } from './running-targets.ts';

/** Links of containers that are down, not at their bridge, or without a way out. */
export const containerLinks: Check = {
  name: 'links of containers',
  find: (scene) =>
    runningTargets(scene).flatMap((target) => [
      ...attachmentHops(scene.inspection, target).flatMap(({ findings }) => findings),
      ...defaultRouteFindings(scene, target),
    ]),
};

function defaultRouteFindings({ inspection }: Scene, target: Target): Finding[] {
  const { netns, network, ip } = target;
  const inner = netns && linkWith(netns, ip);
  if (netns === undefined || network === undefined || network.isInternal || inner?.isUp !== true) return [];
  const family = familyOf(ip);
  const hasDefault = netns.routes.some((route) => route.family === family && route.destination === undefined);
  const gateway = gatewayIn(inspection, network, family);
  if (family === 6 || hasDefault || gateway === undefined) return [];
  return [
    found('container.no-default-route', {
      subject: `container ${nameOf(target)}`,
      message: `${nameOf(target)} has no default route: it answers nobody outside ${network.name}`,
      evidence: [
        fact(
          'rtnetlink',
          `${netns.id} routes`,
          `no default route; network ${network.name} has gateway ${gateway}`,
        ),
      ],
      fix: restoreDefaultRoute(inspection, target),
    }),
  ];
}
