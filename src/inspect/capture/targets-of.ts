import type { Ip, Protocol } from '../../model/index.ts';
import { containersOf, type PlacedContainer } from '../containers-of.ts';
import type { Inspection } from '../inspection.ts';
import { findTranslations, parseRuleSets } from '../rules/index.ts';

/** The port that is asked about: of the host, of one of its addresses, or of a container. */
export interface WantedPort {
  readonly protocol: Protocol;
  readonly port: number;
  readonly address?: Ip;
  /** The port is this container's own; a name, an id or the beginning of one. */
  readonly container?: string;
}

/** Where a port leads. */
export interface PortTarget {
  /** The address that it is published at; absent means all. */
  readonly hostIp?: Ip;
  /** Absent for a port of a container that is not published. */
  readonly hostPort?: number;
  /** The container's address; absent when the port stays on the host. */
  readonly ip?: Ip;
  readonly port: number;
  readonly container?: string;
}

/**
 * Where a port leads, as engines and as rules say. Both count: one may know of a container that the other has lost. A
 * port that nobody publishes stays on the host.
 */
export function targetsOf(inspection: Inspection, wanted: WantedPort): PortTarget[] {
  const containers = containersOf(inspection);
  if (wanted.container !== undefined) return targetsIn(containers, wanted, wanted.container);
  const found = [...publishedBy(containers, wanted), ...translatedTo(inspection, containers, wanted)];
  const unique = new Map(
    found.map((target) => [`${target.ip ?? ''} ${target.port} ${target.hostPort}`, target]),
  );
  return unique.size > 0 ? [...unique.values()] : [{ hostPort: wanted.port, port: wanted.port }];
}

function targetsIn(
  containers: readonly PlacedContainer[],
  { protocol, port }: WantedPort,
  name: string,
): PortTarget[] {
  const container =
    containers.find((one) => one.name === name) ?? containers.find(({ id }) => id.startsWith(name));
  if (container === undefined) return [];
  const published = (container.view?.publishedPorts ?? []).filter(
    (one) => one.protocol === protocol && one.containerPort === port && one.hostPort !== undefined,
  );
  const places = published.length > 0 ? published : [{}];
  return addressesOf(container).flatMap((ip) =>
    places.map((place) => ({ ...hostPlace(place), ip, port, container: container.name })),
  );
}

function publishedBy(containers: readonly PlacedContainer[], wanted: WantedPort): PortTarget[] {
  return containers.flatMap((container) =>
    (container.view?.publishedPorts ?? [])
      .filter(({ protocol, hostPort }) => protocol === wanted.protocol && hostPort === wanted.port)
      .flatMap((published) =>
        addressesOf(container).map((ip) => ({
          ...hostPlace(published),
          ip,
          port: published.containerPort,
          container: container.name,
        })),
      ),
  );
}

function translatedTo(
  { snapshot }: Inspection,
  containers: readonly PlacedContainer[],
  { protocol, port }: WantedPort,
): PortTarget[] {
  const host = snapshot.namespaces.find(({ id }) => id === snapshot.hostNetns);
  if (host?.ruleSets === undefined) return [];
  return findTranslations(parseRuleSets(host.ruleSets), { protocol, port }).flatMap(
    ({ translated, hooks }) => {
      if (translated.ip === undefined || hooks.length === 0) return [];
      const { ip } = translated;
      const container = containers.find((one) => addressesOf(one).includes(ip));
      return {
        hostPort: port,
        ip,
        port: translated.port ?? port,
        ...(container === undefined ? {} : { container: container.name }),
      };
    },
  );
}

function addressesOf({ view }: PlacedContainer): Ip[] {
  return (view?.attachments ?? []).flatMap(({ addresses }) => addresses);
}

function hostPlace({
  hostIp,
  hostPort,
}: {
  hostIp?: Ip;
  hostPort?: number;
}): Pick<PortTarget, 'hostIp' | 'hostPort'> {
  return { ...(hostIp === undefined ? {} : { hostIp }), ...(hostPort === undefined ? {} : { hostPort }) };
}
