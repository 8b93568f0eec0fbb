import type { Resource } from '../model/index.ts';

/**
 * Whether what was observed is what was desired. Each kind says here what the kernel may add or change by itself,
 * and nothing else is tolerated.
 */
export function isAsDesired(desired: Resource, observed: Resource): boolean {
  if (desired.owner !== observed.owner && desired.kind !== 'sysctl') return false;
  switch (desired.kind) {
    case 'bridge':
      // Without an MTU of its own a bridge follows the smallest of its ports.
      return (
        observed.kind === 'bridge' &&
        desired.mac === observed.mac &&
        (desired.mtu === undefined || desired.mtu === observed.mtu)
      );
    case 'veth':
      // The engine moves the far end away and renames it, so only the end in the bridge can be compared.
      return (
        observed.kind === 'veth' &&
        desired.bridge === observed.bridge &&
        desired.isIsolated === observed.isIsolated &&
        (desired.mtu === undefined || desired.mtu === observed.mtu)
      );
    case 'address':
      return observed.kind === 'address';
    case 'sysctl':
      return observed.kind === 'sysctl' && desired.value === observed.value;
    case 'network-rules':
      return (
        observed.kind === 'network-rules' &&
        desired.isInternal === observed.isInternal &&
        desired.allowsIcc === observed.allowsIcc &&
        desired.masquerades === observed.masquerades &&
        [...desired.subnets].sort().join() === [...observed.subnets].sort().join()
      );
    case 'published-port':
      return (
        observed.kind === 'published-port' &&
        desired.target === observed.target &&
        desired.targetPort === observed.targetPort
      );
  }
}
