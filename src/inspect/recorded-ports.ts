import { isUnspecified, type Endpoint } from '../model/index.ts';
import type { ContainerView, EngineView, PublishedView } from './engines/container-view.ts';

/** Published ports by the id of their endpoint. */
export type RecordedPorts = ReadonlyMap<string, readonly PublishedView[]>;

/** What endpoints publish; those that publish nothing are left out. */
export function recordedPorts(endpoints: readonly Endpoint[]): RecordedPorts {
  return new Map(endpoints.flatMap(({ id, ports }) => (ports.length === 0 ? [] : [[id, ports]])));
}

/**
 * What engines say, with the ports that tsnet has published for their containers: no driver can tell its engine which host
 * port it chose. An endpoint has the id that its engine gave it, so that nothing is guessed.
 */
export function withRecordedPorts(
  engines: readonly EngineView[],
  recorded: RecordedPorts,
): readonly EngineView[] {
  if (recorded.size === 0) return engines;
  return engines.map((engine) => ({
    ...engine,
    containers: engine.containers.map((view) => withPortsOf(view, recorded)),
  }));
}

function withPortsOf(view: ContainerView, recorded: RecordedPorts): ContainerView {
  const ours = view.attachments.flatMap(({ endpointId = '' }) => recorded.get(endpointId) ?? []);
  const missing = ours.filter((port) => !view.publishedPorts.some((told) => isSame(told, port)));
  return missing.length === 0 ? view : { ...view, publishedPorts: [...view.publishedPorts, ...missing] };
}

/** Engines write every address as `0.0.0.0` and `::`. */
function isSame(told: PublishedView, port: PublishedView): boolean {
  return (
    told.protocol === port.protocol &&
    told.hostPort === port.hostPort &&
    told.containerPort === port.containerPort &&
    (told.hostIp === port.hostIp ||
      told.hostIp === undefined ||
      (port.hostIp === undefined && isUnspecified(told.hostIp)))
  );
}
