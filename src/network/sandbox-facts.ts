import { Rtnetlink } from '../kernel/netlink/index.ts';
import { readInterface } from '../observe/index.ts';
import { everywhere, type Address, type IfName, type Ip, type Mac, type Subnet } from '../model/index.ts';

/** An interface in a sandbox, and the routes of the whole sandbox, as the kernel has them. */
export interface SandboxFacts {
  readonly mac?: Mac;
  /** In bytes. */
  readonly mtu: number;
  readonly addresses: readonly Address[];
  /** Of all tables and all interfaces; one with several ways is there once for each. */
  readonly routes: readonly { readonly destination: Subnet; readonly gateway?: Ip }[];
}

/** What an interface in a sandbox has; undefined when there is none of that name. @throws not-found for the sandbox */
export async function readSandbox(path: string, name: IfName): Promise<SandboxFacts | undefined> {
  using inside = Rtnetlink.openBlocking(path);
  const found = await readInterface(inside, name);
  if (found === undefined) return undefined;
  const { link, addresses, routes } = found;
  return {
    ...(link.mac === undefined ? {} : { mac: link.mac }),
    mtu: link.mtu,
    addresses,
    routes: routes
      .filter(({ type }) => type === 'unicast')
      .flatMap(({ destination, family, nextHops }) =>
        nextHops.map(({ gateway }) => ({
          destination: destination ?? everywhere(family),
          ...(gateway === undefined ? {} : { gateway }),
        })),
      ),
  };
}
