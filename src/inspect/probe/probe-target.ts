import { ipOf, isUnspecified, TsnetError, type Ip } from '../../model/index.ts';
import type { NetnsView } from '../../observe/host/index.ts';
import { targetsOf, type WantedPort } from '../capture/targets-of.ts';
import { HostMap } from '../host-map.ts';
import type { Inspection } from '../inspection.ts';
import type { ProbeOrigin } from './probe.ts';
import type { ProbeTarget } from './send-probe.ts';

/**
 * What a client would connect to: the container's own address when its port is asked about, else the address that the
 * port is published at, else one of the host; from the host itself, its loopback address when that is asked for.
 *
 * @throws not-found for a container that is not there or has no address; unsupported for other protocols
 */
export function probeTarget(inspection: Inspection, wanted: WantedPort, from: ProbeOrigin): ProbeTarget {
  const { protocol, port, address, container } = wanted;
  if (protocol === 'sctp')
    throw new TsnetError('unsupported', 'probe: SCTP is not offered, only TCP and UDP are');
  const target = { protocol, port };
  if (address !== undefined) return { ...target, ip: address };
  const targets = targetsOf(inspection, wanted);
  if (container !== undefined) {
    const ip = targets[0]?.ip;
    if (ip === undefined)
      throw new TsnetError('not-found', `probe ${container}: it has no address that is known`);
    return { ...target, ip };
  }
  const published = targets.map(({ hostIp }) => hostIp).find((ip) => ip !== undefined && !isUnspecified(ip));
  if (from === 'localhost') return { ...target, ip: '127.0.0.1' as Ip };
  return { ...target, ip: published ?? ownAddress(new HostMap(inspection).host) ?? ('127.0.0.1' as Ip) };
}

/** An address by which others know the host: that of a default route's link, else of any that is no bridge. */
function ownAddress({ addresses, routes, links }: NetnsView): Ip | undefined {
  const leading = new Set(
    routes
      .filter(({ destination, type }) => destination === undefined && type === 'unicast')
      .flatMap(({ nextHops }) => nextHops.map(({ linkIndex }) => linkIndex)),
  );
  const bridges = new Set(links.filter(({ kind }) => kind === 'bridge').map(({ index }) => index));
  const global = addresses.filter(({ scope }) => scope === 'global');
  const best =
    global.find(({ linkIndex }) => leading.has(linkIndex)) ??
    global.find(({ linkIndex }) => !bridges.has(linkIndex)) ??
    global[0];
  return best && ipOf(best.address);
}
