import type { Ip, Protocol } from '../../model/index.ts';
import type { NetnsView } from '../../observe/host/snapshot.ts';
import type { ContainerView, EngineView, NetworkView } from '../engines/container-view.ts';
import type { Inspection } from '../inspection.ts';
import { insideSandbox } from './engine-commands.ts';
import { allContainers, containersIn, findContainer, netnsOf, networkOf, type Owned } from './lookup.ts';

/** The socket that a packet is meant for. */
export interface Target {
  readonly ip: Ip;
  readonly port: number;
  readonly protocol: Protocol;
  /** Absent where the address belongs to nobody that was seen. */
  readonly netns?: NetnsView;
  readonly container?: ContainerView;
  readonly engine?: EngineView;
  readonly network?: NetworkView;
}

/** Who is at an address: a container by what its engine says, else a namespace that holds it. */
export function targetAt(inspection: Inspection, ip: Ip, port: number, protocol: Protocol): Target {
  const place = { ip, port, protocol };
  const owner = allContainers(inspection).find(({ container }) =>
    container.attachments.some(({ addresses }) => addresses.includes(ip)),
  );
  if (owner !== undefined) return targetIn(inspection, owner, place);
  const netns = inspection.snapshot.namespaces.find(
    ({ id, addresses }) =>
      id !== inspection.snapshot.hostNetns && addresses.some(({ address }) => address.startsWith(`${ip}/`)),
  );
  if (netns === undefined) return place;
  const [container] = containersIn(inspection, netns.id);
  const named = container && findContainer(inspection, container.id);
  return { ...place, netns, ...named };
}

/** A place in a container. */
export function targetIn(
  inspection: Inspection,
  { engine, container }: Owned,
  place: { readonly ip: Ip; readonly port: number; readonly protocol: Protocol },
): Target {
  const netns = netnsOf(inspection, container);
  const network = networkOf(inspection, container, place.ip);
  return {
    ...place,
    engine,
    container,
    ...(netns === undefined ? {} : { netns }),
    ...(network === undefined ? {} : { network }),
  };
}

/** What to call it in a sentence. */
export function nameOf({ container, ip }: Target): string {
  return container?.name ?? ip;
}

/** The words before a command that is to run in the namespace of a container. */
export function insideOf({ container, engine, netns }: Target): string {
  if (container !== undefined && engine?.kind === 'tsnet') return insideSandbox(container.name);
  const own = netns?.processes ?? [];
  const main = own.find(({ pid }) => pid === container?.pid) ?? own.find(({ isInit }) => isInit) ?? own[0];
  const pid = main?.pid ?? container?.pid;
  const path = netns?.paths[0];
  if (pid !== undefined) return `nsenter -t ${pid} -n `;
  return path === undefined ? '' : `nsenter --net=${path} `;
}
