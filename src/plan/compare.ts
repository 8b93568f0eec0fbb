import { familyOfRange, type RateLimit, type Resource, type SandboxRoute } from '../model/index.ts';

/**
 * Whether what was observed is what was desired. Each kind says here what the kernel may add or change by itself,
 * and nothing else is tolerated.
 */
export function isAsDesired(desired: Resource, observed: Resource): boolean {
  if (desired.owner !== observed.owner && desired.kind !== 'sysctl') return false;
  switch (desired.kind) {
    case 'bridge':
      if (observed.kind !== 'bridge' || observed.isDown === true) return false;
      if (desired.owner === 'host') return true;
      if (desired.filtersFrames === true && observed.filtersFrames !== true) return false;
      // Without an MTU of its own a bridge follows the smallest of its ports.
      return desired.mac === observed.mac && (desired.mtu === undefined || desired.mtu === observed.mtu);
    case 'veth':
      // The engine moves the far end away and renames it, so only the end in the bridge can be compared.
      return (
        observed.kind === 'veth' &&
        desired.bridge === observed.bridge &&
        desired.isIsolated === observed.isIsolated &&
        desired.hairpins === observed.hairpins &&
        desired.passesIpOnly === observed.passesIpOnly &&
        (desired.mtu === undefined || desired.mtu === observed.mtu)
      );
    case 'sandbox-interface':
      // What else others give to the interface, the container itself among them, is theirs.
      return (
        observed.kind === 'sandbox-interface' &&
        (desired.staysDown === true || observed.isDown !== true) &&
        desired.addresses.every((address) => observed.addresses.includes(address)) &&
        desired.routes.every((route) => observed.routes.some((found) => isSameRoute(route, found)))
      );
    case 'ifb':
      return observed.kind === 'ifb' && observed.isDown !== true;
    case 'shaping':
      return (
        observed.kind === 'shaping' &&
        observed.dropsEgress !== true &&
        isSameLimit(desired.ingress, observed.ingress) &&
        isSameLimit(desired.egress, observed.egress)
      );
    case 'address':
    case 'route':
      return observed.kind === desired.kind;
    case 'sysctl':
      return observed.kind === 'sysctl' && desired.value === observed.value;
    case 'network-rules':
      return (
        observed.kind === 'network-rules' &&
        desired.isInternal === observed.isInternal &&
        desired.allowsIcc === observed.allowsIcc &&
        desired.masquerades === observed.masquerades &&
        desired.antispoofs === observed.antispoofs &&
        haveSameItems(desired.subnets, observed.subnets) &&
        haveSameItems(desired.routed, observed.routed) &&
        haveSameItems(desired.unprotected, observed.unprotected) &&
        haveSameItems(desired.hostSources, observed.hostSources) &&
        haveSameItems(desired.trustedInterfaces, observed.trustedInterfaces)
      );
    case 'published-port':
      return (
        observed.kind === 'published-port' &&
        desired.target === observed.target &&
        desired.targetPort === observed.targetPort
      );
    case 'open-port':
    case 'frame-filter':
      return observed.kind === desired.kind;
    case 'source-guard':
      return (
        observed.kind === 'source-guard' &&
        desired.mac === observed.mac &&
        haveSameItems(desired.addresses, observed.addresses)
      );
  }
}

/** The kernel fills in the table, and for IPv6 the metric. Source: Linux `ip6_route.c`, IP6_RT_PRIO_USER. */
function isSameRoute(desired: SandboxRoute, observed: SandboxRoute): boolean {
  const metric = desired.metric ?? (familyOfRange(desired.destination) === 6 ? 1024 : 0);
  return (
    desired.destination === observed.destination &&
    desired.gateway === observed.gateway &&
    (desired.table ?? mainTable) === (observed.table ?? mainTable) &&
    metric === (observed.metric ?? 0) &&
    desired.mtu === observed.mtu
  );
}

/** The kernel counts whole bytes per second, and the burst as a time in steps of 64 ns. Source: Linux `sch_tbf.c`. */
function isSameLimit(
  desired: Required<RateLimit> | undefined,
  observed: Required<RateLimit> | undefined,
): boolean {
  if (desired === undefined || observed === undefined) return desired === observed;
  const step = 8 + desired.rate * 64e-9;
  return Math.abs(desired.rate - observed.rate) < 8 && Math.abs(desired.burst - observed.burst) <= step + 1;
}

/** RT_TABLE_MAIN. Source: `linux/rtnetlink.h`. */
const mainTable = 254;

/** Whether two lists hold the same; their order means nothing. */
function haveSameItems(
  one: readonly (string | number)[] = [],
  other: readonly (string | number)[] = [],
): boolean {
  const items = new Set(one);
  return items.size === new Set(other).size && other.every((item) => items.has(item));
}
