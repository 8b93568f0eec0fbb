import { lockDirectory } from '../support/lock-directory.ts';
import { openFirewall } from '../../src/firewall/index.ts';
import { parseIp, parsePort, type PublishedPort } from '../../src/model/index.ts';
import type { Part } from './bench.ts';
import { Daemon } from './daemon.ts';
import { distributionOf, timed } from './figures.ts';
import type { LinearPort } from './linear-rules.ts';
import {
  createEndpoint,
  createNetwork,
  joinEndpoint,
  newEndpoint,
  publishPorts,
  revokePorts,
  type TestPort,
} from './plugin-calls.ts';
import { ScriptedHost } from './scripted-host.ts';

const present = 5000;
const networks = 5;
const endpointsPerNetwork = 10;
const portsPerEndpoint = present / networks / endpointsPerNetwork;
const firstPort = 20_000;
const rounds = 50;
const oursPerRound = 4;
const aimMs = 1;

/** What publishing one more port costs while 5,000 are published. */
export const ports: Part = async ({ scope, progress }) => {
  progress(`publishing ${present} ports`);
  const daemon = await Daemon.start(scope);
  let next = firstPort;
  for (let number = 1; number <= networks; number++) {
    const network = await createNetwork(daemon, number);
    for (let index = 0; index < endpointsPerNetwork; index++) {
      const endpoint = newEndpoint(network, 1000 + index);
      await createEndpoint(daemon, endpoint);
      await joinEndpoint(daemon, endpoint);
      const published = Array.from({ length: portsPerEndpoint }, (_, offset): TestPort => ({
        protocol: 6,
        hostPort: next + offset,
        containerPort: 1000 + offset,
      }));
      await publishPorts(daemon, endpoint, published);
      next += portsPerEndpoint;
    }
  }
  const endpoint = newEndpoint(await createNetwork(daemon, networks + 1), 0);
  await createEndpoint(daemon, endpoint);
  await joinEndpoint(daemon, endpoint);

  const peer = await ScriptedHost.start(scope, networks);
  await peer.publish(
    Array.from({ length: present }, (_, index) => linearPort(peer, index, firstPort + index)),
  );

  progress(`publishing one port with ${present} present`);
  using firewall = await openFirewall({ backend: 'nftables', netns: daemon.netns.path, lockDirectory });
  const calls: number[] = [];
  const transactions: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < oursPerRound; turn++) {
      calls.push(await publishPorts(daemon, endpoint, [{ protocol: 6, hostPort: 8080, containerPort: 80 }]));
      await revokePorts(daemon, endpoint);
      transactions.push(await timed(() => firewall.apply({ add: [publishedPort], remove: [] })));
      await firewall.apply({ add: [], remove: [publishedPort] });
    }
    const port = linearPort(peer, present - 1, 8080);
    theirs.push(await timed(() => peer.publish([port])));
    await peer.unpublish(port);
  }
  const peerCost = distributionOf(theirs);
  return [
    {
      title: `one published port with ${present} present`,
      notes: [
        'peer: iptables-restore --noflush with the same three linear rules; a process like any script’s',
      ],
      figures: [
        {
          what: 'ProgramExternalConnectivity',
          unit: 'ms',
          ours: distributionOf(calls),
          peer: peerCost,
          aim: aimMs,
        },
        {
          what: '  of it the firewall transaction',
          unit: 'ms',
          ours: distributionOf(transactions),
          peer: peerCost,
          aim: aimMs,
        },
      ],
    },
  ];
};

const publishedPort: PublishedPort = {
  kind: 'published-port',
  family: 4,
  protocol: 'tcp',
  hostPort: parsePort(8081, 'port'),
  target: parseIp('10.1.0.9', 'address'),
  targetPort: parsePort(80, 'port'),
  owner: 'endpoint:bench',
};

function linearPort({ bridges }: ScriptedHost, index: number, hostPort: number): LinearPort {
  const container = Math.floor(index / portsPerEndpoint);
  const number = container % bridges.length;
  return {
    bridge: bridges[number] ?? '',
    protocol: 'tcp',
    hostPort,
    target: `10.${number + 1}.4.${container}`,
    targetPort: 1000 + (index % portsPerEndpoint),
  };
}
