import { Rtnetlink } from '../../src/kernel/netlink/index.ts';
import { createNamedNetns, deleteNamedNetns } from '../../src/kernel/netns/index.ts';
import { parseIfName } from '../../src/model/index.ts';
import { createNetns, type Netns } from './netns.ts';

/** A namespace that plays a host, and namespaces that play containers, each joined to it by one veth pair. */
export interface ManyPairs extends AsyncDisposable {
  readonly host: Netns;
  /** Name of the end in the host, and path of the namespace of the other end, which is `eth0` there. */
  readonly pairs: readonly { readonly link: string; readonly netns: string }[];
}

/** Makes so many pairs at 1 ms each. */
export async function createManyPairs(count: number): Promise<ManyPairs> {
  const host = await createNetns('pairs');
  const names: string[] = [];
  const pairs: { link: string; netns: string }[] = [];
  const dispose = async (): Promise<void> => {
    // Their ends in the host go with them.
    for (const name of names) deleteNamedNetns(name);
    await host[Symbol.asyncDispose]();
  };
  try {
    using rtnetlink = Rtnetlink.open(host.path);
    for (let index = 0; index < count; index++) {
      const name = `${host.name}-${index}`;
      const netns = createNamedNetns(name);
      names.push(name);
      const link = `v${index}`;
      const peer = { name: parseIfName('eth0'), netns };
      await rtnetlink.createVeth({ name: parseIfName(link), peer });
      pairs.push({ link, netns });
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { host, pairs, [Symbol.asyncDispose]: dispose };
}
