import type { EngineView } from '../../src/inspect/engines/container-view.ts';
import type { Inspection } from '../../src/inspect/inspection.ts';
import type { Address, Mac } from '../../src/model/index.ts';
import { emptyNetns } from '../../src/observe/host/empty-netns.ts';
import type { LinkView, NetnsId, NetnsView, ProcessView } from '../../src/observe/host/snapshot.ts';
import { plainLink } from './plain-link.ts';

/** What differs between the links of a test. */
export interface LinkFacts extends Partial<LinkView> {
  readonly index: number;
  readonly name: string;
  /** Such as `10.1.0.2/24`. */
  readonly addresses?: readonly string[];
}

/** What differs between the namespaces of a test. */
export interface NetnsFacts extends Partial<Omit<NetnsView, 'id' | 'links' | 'processes' | 'nsids'>> {
  readonly links?: readonly LinkFacts[];
  readonly processes?: readonly (Partial<ProcessView> & { readonly pid: number })[];
  /** Which number of a namespace an id stands for. */
  readonly nsids?: Readonly<Record<number, number>>;
}

/**
 * An inspection made by hand: namespaces by their numbers, the first is the host. Links are up and run, and have a
 * hardware address made of namespace and index.
 */
export function inspectionOf(
  namespaces: Readonly<Record<number, NetnsFacts>>,
  engines: readonly EngineView[] = [],
): Inspection {
  const views = Object.entries(namespaces).map(([number, facts]) => netnsOf(Number(number), facts));
  return {
    schema: 'tsnet.snapshot/1',
    snapshot: {
      takenAt: '2026-11-21T12:00:00.000Z',
      host: { name: 'tower', kernel: '6.18.44' },
      hostNetns: views[0]?.id ?? 'net:0',
      namespaces: views,
      gaps: [],
    },
    engines,
  };
}

/** An engine without anything, and what differs. */
export function engineOf(facts: Partial<EngineView>): EngineView {
  return {
    kind: 'docker',
    version: '28.5.2',
    socket: '/var/run/docker.sock',
    networks: [],
    containers: [],
    ...facts,
  };
}

/** A running container without network, and what differs. */
export function containerOf(
  facts: Partial<EngineView['containers'][number]> & { readonly id: string; readonly name: string },
): EngineView['containers'][number] {
  return {
    image: 'image',
    state: 'running',
    networkMode: 'bridge',
    attachments: [],
    requestedPorts: [],
    publishedPorts: [],
    exposedPorts: [],
    labels: {},
    ...facts,
  };
}

function netnsOf(number: number, facts: NetnsFacts): NetnsView {
  const { links = [], processes = [], nsids = {}, ...rest } = facts;
  const id: NetnsId = `net:${number}`;
  return {
    ...emptyNetns(id),
    ...rest,
    processes: processes.map((process) => ({ command: 'sleep', cgroup: '/', isInit: false, ...process })),
    nsids: Object.entries(nsids).map(([nsid, netns]) => ({
      nsid: Number(nsid),
      netns: `net:${netns}` as const,
    })),
    addresses: links.flatMap(({ index, addresses = [] }) =>
      addresses.map((address) => ({
        linkIndex: index,
        address: address as Address,
        peer: undefined,
        scope: 'global' as const,
        flags: 0x80,
        isTentative: false,
        isDuplicate: false,
      })),
    ),
    links: links.map(({ addresses: _addresses, ...link }) =>
      plainLink({ kind: 'veth', flags: 0x11043, mac: macOf(number, link.index), ...link }),
    ),
  };
}

function macOf(netns: number, index: number): Mac {
  const bytes = [2, 0, (netns >> 8) & 255, netns & 255, (index >> 8) & 255, index & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac;
}
