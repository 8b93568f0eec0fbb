import {
  everywhere,
  familyOfRange,
  type Address,
  type IfName,
  type IpFamily,
  type SandboxRoute,
} from '../../model/index.ts';
import type { BridgeConfig } from './bridge-config.ts';
import type { IpamAnswer } from './ipam.ts';
import type { CniRoute } from './result.ts';

/** The routes of ipam, and the default routes where the bridge is the default gateway and ipam named no other. */
export function routesOf({ isDefaultGateway }: BridgeConfig, answer: IpamAnswer): readonly CniRoute[] {
  if (!isDefaultGateway) return answer.routes;
  const defaults = ([4, 6] as const).flatMap((family): CniRoute[] => {
    const dst = everywhere(family);
    if (answer.routes.some((route) => route.dst === dst && route.gw !== undefined)) return [];
    const gw = answer.ips.find(
      ({ address, gateway }) => gateway !== undefined && familyOfRange(address) === family,
    )?.gateway;
    return gw === undefined ? [] : [{ dst, gw }];
  });
  const isReplaced = (route: CniRoute) =>
    route.gw === undefined && defaults.some(({ dst }) => dst === route.dst);
  return [...answer.routes.filter((route) => !isReplaced(route)), ...defaults];
}

/** A route without a gateway goes by that of the address of its family. Source: reference `ipam.ConfigureIface`. */
export function sandboxRoutes(
  routes: readonly CniRoute[],
  { ips }: IpamAnswer,
  ifName: IfName,
): SandboxRoute[] {
  const resolved = routes.map(({ dst, gw, mtu, priority, table }): SandboxRoute => {
    const ofFamily = ({ address }: { readonly address: Address }) =>
      familyOfRange(address) === familyOfRange(dst);
    const gateway = gw ?? ips.find((ip) => ofFamily(ip) && ip.gateway !== undefined)?.gateway;
    const metric = priority ?? (dst.endsWith('/0') ? defaultMetric(ifName, familyOfRange(dst)) : undefined);
    return {
      destination: dst,
      ...(gateway === undefined ? {} : { gateway }),
      ...(metric === undefined ? {} : { metric }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(table === undefined ? {} : { table }),
    };
  });
  return [...new Map(resolved.map((route) => [JSON.stringify(route), route])).values()];
}

/**
 * Of the default routes of several networks, that of the interface with the lowest number counts. With the same metric the
 * kernel would use those of IPv6 in turn, and answers would leave by another network than the question came in by.
 *
 * Source: Linux `ip6_route.c`, IP6_RT_PRIO_USER.
 */
function defaultMetric(ifName: string, family: IpFamily): number | undefined {
  const number = Number(/\d{1,4}$/.exec(ifName)?.[0] ?? 0);
  return number === 0 ? undefined : number + (family === 6 ? 1024 : 0);
}
