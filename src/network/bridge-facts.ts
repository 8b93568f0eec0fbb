import { netnsIdOf } from '../kernel/netns/index.ts';
import { TsnetError, type Address, type IfName, type Mac } from '../model/index.ts';
import type { Context } from './context.ts';

/** A bridge as the kernel has it. */
export interface BridgeFacts {
  readonly addresses: readonly Address[];
  /** How many interfaces are in it. */
  readonly ports: number;
  /** Whether it carries our mark. */
  readonly isOurs: boolean;
}

/** The bridge of a name, undefined when there is none. @throws conflict when something else has the name */
export async function readBridge(
  { kernel: { rtnetlink } }: Context,
  name: IfName,
): Promise<BridgeFacts | undefined> {
  const bridge = (await rtnetlink.readLinks([name])).get(name);
  if (bridge === undefined) return undefined;
  if (bridge.kind !== 'bridge') {
    throw new TsnetError(
      'conflict',
      `bridge ${name}: an interface of that name exists, and it is no bridge`,
      {
        subject: name,
        hint: 'choose another bridge name',
      },
    );
  }
  const [addresses, links] = await Promise.all([
    rtnetlink.listAddresses({ link: bridge.index }),
    rtnetlink.listLinks(),
  ]);
  return {
    addresses: addresses.map(({ address }) => address),
    ports: links.filter(({ masterIndex }) => masterIndex === bridge.index).length,
    isOurs: bridge.alias?.startsWith('tsnet:') === true,
  };
}

/** The hardware addresses of links, of those that exist. */
export async function readLinkMacs(
  { kernel: { rtnetlink } }: Context,
  names: readonly IfName[],
): Promise<ReadonlyMap<string, Mac>> {
  const links = await rtnetlink.readLinks(names);
  return new Map([...links].flatMap(([name, { mac }]) => (mac === undefined ? [] : [[name, mac] as const])));
}

/** Whether a path leads to the network namespace that is the host's own. @throws not-found */
export function isHostNamespace({ kernel }: Context, path: string): boolean {
  return netnsIdOf(path) === netnsIdOf(kernel.netns);
}
