import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createHost } from '../../support/host.ts';

const id = (name: string) => createHash('sha256').update(name).digest('hex');

it('a bridge takes 1,023 containers, and the next one gets a clear error and leaves nothing', async () => {
  await using host = await createHost();
  const NetworkID = id('network');
  const IPv4Data = [{ AddressSpace: '', Pool: '10.1.0.0/16', Gateway: '10.1.0.1/16' }];
  await host.succeed('NetworkDriver.CreateNetwork', { NetworkID, Options: {}, IPv4Data, IPv6Data: [] });
  const join = async (number: number) => {
    const ids = { NetworkID, EndpointID: id(`endpoint ${number}`) };
    const Address = `10.1.${(number >> 8) + 1}.${number & 0xff}/16`;
    await host.succeed('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address } });
    return host.call('NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/1' });
  };
  for (let number = 0; number < 1023; number += 1) expect((await join(number)).body['Err']).toBeUndefined();
  const links = async () => (await host.netns.exec('ip', '-br', 'link', 'show', 'type', 'veth')).stdout;
  const before = await links();
  const { body } = await join(1023);
  expect(body['Err']).toContain(
    'a Linux bridge takes at most 1023 ports (spread the containers over several networks)',
  );
  expect(await links()).toBe(before);
  await host.succeed('NetworkDriver.DeleteNetwork', { NetworkID });
  expect(await links()).toBe('');
});
