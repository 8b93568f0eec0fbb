import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress, parseEndpointId, parseNetworkId } from '../../../src/model/index.ts';
import {
  createEndpoint,
  createNetwork,
  deleteEndpoint,
  deleteNetwork,
  join,
  recover,
} from '../../../src/network/index.ts';
import { createHost, type Host } from '../../support/host.ts';
import { plainNetwork } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const endpoint = parseEndpointId('b'.repeat(64));
const veth = `tsv-${'b'.repeat(10)}`;
const otherVeth = `tsv-${'c'.repeat(10)}`;

let host: Host;

beforeAll(async () => {
  host = await createHost();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await createNetwork(host.context, plainNetwork({ id: network }));
  await createEndpoint(host.context, {
    network,
    id: endpoint,
    addresses: [parseAddress('10.1.0.2/24')],
  });
});
afterEach(async () => {
  await deleteNetwork(host.context, network);
});

/** What a process leaves that is killed after it made a pair and before it gave it its alias. */
const leaveUnfinished = (name: string, group = 2 ** 30 + 7) =>
  host.netns.exec(
    'sh',
    '-c',
    `ip link add ${name} group ${group} type veth peer name ${name.replace('v', 'c')}`,
  );

interface LinkText {
  readonly ifname: string;
  readonly group: string;
  readonly ifalias?: string;
  readonly master?: string;
}

const links = async () =>
  JSON.parse((await host.netns.exec('ip', '-json', 'link')).stdout) as readonly LinkText[];

const names = async () => (await links()).map(({ ifname }) => ifname);

describe('a veth that a killed process left without its mark', () => {
  it('is finished by the next join', async () => {
    await leaveUnfinished(veth);
    await join(host.context, network, endpoint, '/run/netns/none');
    expect(await links()).toContainEqual(
      expect.objectContaining({
        ifname: veth,
        group: 'default',
        ifalias: `tsnet:endpoint:${endpoint}`,
        master: `tsb-${'a'.repeat(10)}`,
      }),
    );
  });

  it('goes with its endpoint', async () => {
    await join(host.context, network, endpoint, '/run/netns/none');
    await host.netns.exec('ip', 'link', 'delete', veth);
    await leaveUnfinished(veth);
    await deleteEndpoint(host.context, network, endpoint);
    await host.context.linkRemoval.idle();
    expect(await names()).not.toContain(veth);
  });

  it('is removed by a recovery when nothing is recorded of it', async () => {
    await leaveUnfinished(otherVeth);
    await recover(host.context);
    expect(await names()).not.toContain(otherVeth);
  });

  it('is a stranger with another group, and stays', async () => {
    await leaveUnfinished(otherVeth, 7);
    await recover(host.context);
    expect(await names()).toContain(otherVeth);
    await host.netns.exec('ip', 'link', 'delete', otherVeth);
  });
});
