import { compare, type PlacedContainer } from '../containers-of.ts';
import type { PublishedView } from '../engines/container-view.ts';
import type { HostMap } from '../host-map.ts';

/** A published port and the container behind it. */
export interface PublishedPort extends PublishedView {
  readonly container: string;
}

/** Drivers whose ports the engine knows itself, or that publish none. Source: libnetwork `drivers`. */
const builtIn: ReadonlySet<string> = new Set([
  'bridge',
  'container',
  'host',
  'ipvlan',
  'macvlan',
  'none',
  'overlay',
  'unknown',
]);

/** Published ports of these containers, by host port. */
export function publishedPorts(map: HostMap, containers: readonly PlacedContainer[]): PublishedPort[] {
  return containers
    .flatMap((container) => portsOf(map, container).map((port) => ({ ...port, container: container.name })))
    .sort(
      (one, other) =>
        (one.hostPort ?? 0) - (other.hostPort ?? 0) ||
        compare(one.protocol, other.protocol) ||
        compare(one.hostIp ?? '', other.hostIp ?? '') ||
        compare(one.container, other.container),
    );
}

/**
 * The ports that its engine and the records of tsnet say are published, and where a driver of another make publishes
 * them, of which an engine is never told, those that were asked for: the container would not run without. A host port
 * that such a driver chose is not known.
 */
export function portsOf(map: HostMap, { view, mode, netns }: PlacedContainer): readonly PublishedView[] {
  if (view === undefined) return [];
  const isDriverAsked = netns !== undefined && !builtIn.has(mode);
  const leadsOut = view.attachments.some(
    ({ networkId }) => map.networks.find(({ id }) => id === networkId)?.isInternal === false,
  );
  if (!isDriverAsked || !leadsOut) return view.publishedPorts;
  const isTold = (port: PublishedView) =>
    view.publishedPorts.some(
      ({ containerPort, protocol }) => containerPort === port.containerPort && protocol === port.protocol,
    );
  return [...view.publishedPorts, ...view.requestedPorts.filter((port) => !isTold(port))];
}
