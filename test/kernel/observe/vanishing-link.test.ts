import { expect, it } from 'vitest';
import { parseIfName, parseNetworkId } from '../../../src/model/index.ts';
import { createNetwork } from '../../../src/network/index.ts';
import { observeOwned, type Kernel } from '../../../src/observe/index.ts';
import { createHost } from '../../support/host.ts';
import { plainNetwork, subnet4 } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const bridge = parseIfName(`tsb-${'a'.repeat(10)}`, 'bridge');

it('a bridge that goes while one looks is no failure', async () => {
  await using host = await createHost('nftables');
  await createNetwork(host.context, plainNetwork({ id: network, subnets: [subnet4] }));
  const { kernel } = host.context;
  const found = await observeOwned({ ...kernel, rtnetlink: removingFirst(kernel.rtnetlink) });
  expect(found.filter(({ kind }) => kind === 'bridge')).toHaveLength(1);
  expect(found.filter(({ kind }) => kind === 'address')).toEqual([]);
});

/** What somebody else does just before the addresses of a link are asked for. */
function removingFirst(rtnetlink: Kernel['rtnetlink']): Kernel['rtnetlink'] {
  return new Proxy(rtnetlink, {
    get(target, name) {
      if (name === 'listAddresses') {
        return async (filter: Parameters<typeof target.listAddresses>[0]) => {
          await target.deleteLinks([bridge]);
          return await target.listAddresses(filter);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
