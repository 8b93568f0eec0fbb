import type { NetnsId, NetnsView, ProcessView } from '../../observe/host/snapshot.ts';
import type { HostMap } from '../host-map.ts';
import {
  interfacesOf,
  listenersOf,
  type ContainerInterface,
  type ContainerReport,
} from './container-report.ts';
import { notFound } from './find.ts';
import { header, referenceOf, type ContainerReference, type View } from './view.ts';

/** All network namespaces. */
export interface NetnsList extends View<'netns'> {
  readonly namespaces: readonly NetnsReport[];
}

/** A network namespace and what is in it. */
export interface NetnsReport {
  readonly id: NetnsId;
  /** How people call it: `host`, its container, the name of its file, its first process. */
  readonly title: string;
  readonly isHost: boolean;
  /** Where it is pinned in the file system. */
  readonly paths: readonly string[];
  readonly containers: readonly ContainerReference[];
  readonly processes: readonly Pick<ProcessView, 'pid' | 'command'>[];
  /** All but loopback. */
  readonly interfaces: readonly ContainerInterface[];
  readonly listeners: ContainerReport['listeners'];
}

/**
 * The namespaces, the host's first.
 *
 * @param wanted only this one: an id, its number, a path, a title or a process
 * @throws not-found
 */
export function netnsList(map: HostMap, wanted?: string): NetnsList {
  const all = map.namespaces;
  const chosen = wanted === undefined ? all : [findNetns(map, wanted)];
  return { ...header(map.inspection, 'netns'), namespaces: chosen.map((netns) => reportOf(map, netns)) };
}

function findNetns(map: HostMap, wanted: string): NetnsView {
  const number = /^(?:net:)?\[?(\d+)\]?$/.exec(wanted)?.[1];
  const path = wanted.replace(/^\/var\/run\//, '/run/');
  const found = map.namespaces.find(
    (netns) =>
      netns.id === `net:${number}` ||
      netns.paths.includes(path) ||
      map.titleOf(netns) === wanted ||
      map.containersIn(netns.id).some(({ id, name }) => name === wanted || id === wanted) ||
      netns.paths.some((one) => one.endsWith(`/${wanted}`)) ||
      netns.processes.some(({ pid }) => String(pid) === number),
  );
  if (found === undefined)
    throw notFound(
      'network namespace',
      wanted,
      map.namespaces.map((one) => map.titleOf(one)),
    );
  return found;
}

function reportOf(map: HostMap, netns: NetnsView): NetnsReport {
  return {
    id: netns.id,
    title: map.titleOf(netns),
    isHost: netns.id === map.host.id,
    paths: netns.paths,
    containers: map.containersIn(netns.id).map(referenceOf),
    processes: netns.processes.map(({ pid, command }) => ({ pid, command })),
    interfaces: interfacesOf(map, netns),
    listeners: listenersOf(netns),
  };
}
