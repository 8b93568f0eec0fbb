import { expect, it } from 'vitest';
import { parseAddress, parseEndpointId, parseNetworkId, parsePort } from '../../../src/model/index.ts';
import { createEndpoint, createNetwork, join, publish } from '../../../src/network/index.ts';
import { createHost } from '../../support/host.ts';
import { runScriptInside } from '../../support/script-inside.ts';
import { plainNetwork } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const endpoint = parseEndpointId('b'.repeat(64));

it('a host port that a process holds is refused with its name and pid, and its name can do no harm', async () => {
  await using host = await createHost();
  const { context } = host;
  await createNetwork(context, plainNetwork({ id: network }));
  await createEndpoint(context, { network, id: endpoint, addresses: [parseAddress('10.1.0.2/24')] });
  await join(context, network, endpoint, '/nonexistent');
  const publishPort = (first: number, last = first) =>
    publish(context, network, endpoint, [
      {
        protocol: 'tcp',
        hostPorts: { first: parsePort(first), last: parsePort(last) },
        containerPort: parsePort(80),
      },
    ]);
  {
    await using holder = await runScriptInside(
      host.netns,
      `require('fs').writeFileSync('/proc/self/comm', 'ev\\x1b[2Jil\\n');
       require('net').createServer().listen(8090, '0.0.0.0', () => console.log('ready'))`,
    );
    await expect(publishPort(8090)).rejects.toThrow(
      'publish port 0.0.0.0:8090/tcp: it is held by process ev?[2Jil (pid ',
    );
    await expect(publishPort(8090)).rejects.toThrow(`(pid ${holder.pid})`);
    expect(await publishPort(8090, 8091)).toMatchObject([{ hostPort: 8091 }]);
  }
  expect(await publishPort(8090)).toMatchObject([{ hostPort: 8090 }]);
});
