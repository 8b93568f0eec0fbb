import { addRules, observeHost, type NetnsId, type ObserveOptions } from '../observe/host/index.ts';
import { containersOf } from './containers-of.ts';
import { readEngines, type Engines } from './engines/read-engines.ts';
import type { Inspection } from './inspection.ts';
import { joinRecords } from './join-records.ts';
import { withRecordedPorts, type RecordedPorts } from './recorded-ports.ts';

/** What tsnet has recorded: as engines tell of theirs, and the ports of endpoints whose containers engines run. */
export interface Recorded extends Engines {
  readonly ports: RecordedPorts;
}

/** How far to look. */
export interface InspectionOptions extends ObserveOptions {
  /** Whether engines are asked for names and intent; default true. Never from inside a plugin call. */
  readonly engines?: boolean;
  /**
   * Reads what tsnet has recorded, as `recordViews` and `recordedPorts` give it; not called without `engines`. Absent:
   * nothing.
   */
  readonly records?: () => Promise<Recorded>;
  /** Ends the questions to engines. */
  readonly signal?: AbortSignal;
}

/** What a question needs that follows packets: everything, with the host's rules and tracked connections. */
export const everything: InspectionOptions = { rules: 'host', flows: 'host' };

/**
 * Looks at this host and asks its engines, at the same time. Engines have one second; without any the kernel's facts
 * stand alone.
 *
 * @throws as `observeHost`
 */
export async function readInspection(options: InspectionOptions = {}): Promise<Inspection> {
  const { engines: asksEngines = true, records, signal, ...scope } = options;
  // Asked first: the look at the host keeps the event loop busy while they think.
  const asked = asksEngines ? readEngines(signal) : nothing;
  const looking = observeHost(scope);
  const recorded = asksEngines ? records?.() : undefined;
  const [told, snapshot, own = nothingRecorded] = await Promise.all([asked, looking, recorded]);
  const inspection: Inspection = {
    schema: 'tsnet.snapshot/1',
    // Who can't ask an engine misses more than by all else.
    snapshot: { ...snapshot, gaps: [...told.gaps, ...own.gaps, ...snapshot.gaps] },
    engines: withRecordedPorts(told.engines, own.ports),
  };
  return withSilentPodman(joinRecords(inspection, own.engines));
}

/** Podman's service, which tells of its containers, is seldom on: a gap where one of them runs. */
function withSilentPodman(inspection: Inspection): Inspection {
  const unnamed = containersOf(inspection).filter(
    ({ engine, view }) => engine === 'podman' && view === undefined,
  );
  if (unnamed.length === 0) return inspection;
  const gap = {
    what: 'podman: names of containers and networks',
    why: 'its service is off (systemctl start podman.socket)',
  };
  const { snapshot } = inspection;
  return { ...inspection, snapshot: { ...snapshot, gaps: [gap, ...snapshot.gaps] } };
}

const nothing: Engines = { engines: [], gaps: [] };
const nothingRecorded: Recorded = { ...nothing, ports: new Map() };

/** The inspection with the rules of a few namespaces of this host more, which are read now. */
export async function withRulesOf(inspection: Inspection, wanted: readonly NetnsId[]): Promise<Inspection> {
  if (wanted.length === 0) return inspection;
  return { ...inspection, snapshot: await addRules(inspection.snapshot, wanted) };
}
