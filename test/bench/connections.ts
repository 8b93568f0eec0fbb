import { createNetns, type Netns } from '../support/netns.ts';
import type { Bench, Part } from './bench.ts';
import { Daemon } from './daemon.ts';
import { distributionOf, single, type Distribution, type Figure } from './figures.ts';
import type { LinearPort } from './linear-rules.ts';
import {
  createEndpoint,
  createNetwork,
  joinEndpoint,
  newEndpoint,
  publishPorts,
  type TestEndpoint,
  type TestPort,
} from './plugin-calls.ts';
import { ScriptedHost } from './scripted-host.ts';
import { Helper, type ServerRequest, type TrafficAnswer, type TrafficRequest } from './traffic.ts';

const many = 10_000;
/** Port numbers, each published for TCP and for UDP. */
const manyNumbers = many / 2;
const portsPerEndpoint = 250;
const firstPort = 20_000;
const hostAddress = '192.0.2.1';
const rounds = 100;
/** The slow one is measured in every tenth round only. */
const roundsPerSlow = 10;
const perRound = { udp: 500, tcp: 200 } as const;
const aim = 1.1;

type Transport = keyof typeof perRound;

/** A host with published ports, a container behind the last of them, and a neighbour on the LAN that uses it. */
interface Site {
  readonly client: Helper<TrafficRequest, TrafficAnswer>;
  readonly host: Netns;
  readonly port: number;
  readonly costs: Readonly<Record<Transport, number[]>>;
}

/** What a new connection through the last published port costs, with one and with 10,000 ports published. */
export const connections: Part = async (bench) => {
  bench.progress(`publishing 1 and ${many} ports, tsnet and iptables`);
  const sites = {
    oursOne: await oursWith(bench, 1),
    oursMany: await oursWith(bench, manyNumbers),
    peerOne: await peerWith(bench, 1),
    peerMany: await peerWith(bench, manyNumbers),
  };
  for (const transport of ['udp', 'tcp'] as const) {
    bench.progress(`new connections, ${transport}`);
    for (let round = -1; round < rounds; round++) {
      // There and back, so that none always follows the same one.
      const order = Object.values(sites);
      for (const site of round % 2 === 0 ? order : order.toReversed()) {
        if (site === sites.peerMany && round % roundsPerSlow !== 0) continue;
        const cost = await measure(site, transport);
        // The first round resolves addresses and warms caches.
        if (round >= 0) site.costs[transport].push(cost);
      }
    }
  }
  const figures = (['udp', 'tcp'] as const).flatMap((transport): Figure[] => {
    const of = (site: Site) => distributionOf(site.costs[transport]);
    const name = transport.toUpperCase();
    const [one, all] = [of(sites.oursOne), of(sites.oursMany)];
    const [peerOne, peerAll] = [of(sites.peerOne), of(sites.peerMany)];
    return [
      { what: `${name}, 1 port published`, unit: 'µs', ours: one, peer: peerOne },
      { what: `${name}, ${many} ports published`, unit: 'µs', ours: all, peer: peerAll },
      {
        what: `${name}, ${many} against 1`,
        unit: '×',
        ours: quotient(all, one),
        peer: quotient(peerAll, peerOne),
        aim,
      },
    ];
  });
  return [
    {
      title: 'a new connection from the LAN through a published port',
      notes: [
        'peer: the rules of Docker’s bridge driver, linear, asked for the last one',
        'UDP: the first datagram of a flow, all its way to the container’s socket, nothing but the kernel',
        'TCP: connect, accept and reset, with all that Node adds at both ends',
      ],
      figures,
    },
  ];
};

/** Microseconds of one new connection, as the mean of a round. */
async function measure({ client, host, port }: Site, protocol: Transport): Promise<number> {
  await host.exec('conntrack', '--flush');
  const count = perRound[protocol];
  const { ms } = await client.ask({ protocol, host: hostAddress, port, count });
  if (protocol === 'udp') {
    // A datagram that was dropped on the way would have been cheap.
    const flows = Number((await host.exec('conntrack', '--count')).stdout);
    if (flows < count) throw new Error(`only ${flows} of ${count} datagrams came through`);
  }
  return (ms * 1000) / count;
}

/** Publishes that many port numbers, each for TCP and UDP. */
async function oursWith({ scope }: Bench, count: number): Promise<Site> {
  const daemon = await Daemon.start(scope);
  const network = await createNetwork(daemon, 1);
  let last: TestEndpoint | undefined;
  for (let from = 0; from < count; from += portsPerEndpoint) {
    last = newEndpoint(network, from / portsPerEndpoint);
    await createEndpoint(daemon, last);
    await joinEndpoint(daemon, last);
    const length = Math.min(portsPerEndpoint, count - from);
    const ports = Array.from({ length }, (_, offset) => from + offset).flatMap((index): TestPort[] =>
      ([6, 17] as const).map((protocol) => ({
        protocol,
        hostPort: firstPort + index,
        containerPort: containerPort(index),
      })),
    );
    await publishPorts(daemon, last, ports);
  }
  if (last === undefined) throw new Error('no endpoint was made');
  return makeSite(scope, daemon.netns, `tsc-${last.id.slice(0, 10)}`, last.address, count);
}

async function peerWith({ scope }: Bench, count: number): Promise<Site> {
  const host = await ScriptedHost.start(scope, 1);
  const address = (index: number) => `10.1.1.${Math.floor(index / portsPerEndpoint)}`;
  const ports = Array.from({ length: count }, (_, index) => index).flatMap((index): LinearPort[] =>
    (['tcp', 'udp'] as const).map((protocol) => ({
      bridge: 'br1',
      protocol,
      hostPort: firstPort + index,
      target: address(index),
      targetPort: containerPort(index),
    })),
  );
  await host.publish(ports);
  await host.shell.run([
    'ip link add v0 type veth peer name cv0',
    'ip link set v0 master br1',
    'ip link set v0 up',
  ]);
  return makeSite(scope, host.netns, 'cv0', address(count - 1), count);
}

function containerPort(index: number): number {
  return 1000 + (index % portsPerEndpoint);
}

/** Gives the host a neighbour on its LAN, and moves the container's link into a namespace with a server. */
async function makeSite(
  scope: Bench['scope'],
  host: Netns,
  link: string,
  address: string,
  count: number,
): Promise<Site> {
  const [lan, container] = [scope.use(await createNetns('bench')), scope.use(await createNetns('bench'))];
  await host.exec('ip', 'link', 'add', 'uplink0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', lan.name);
  await host.exec('ip', 'address', 'add', `${hostAddress}/24`, 'dev', 'uplink0');
  await host.exec('ip', 'link', 'set', 'uplink0', 'up');
  await lan.exec('ip', 'address', 'add', '192.0.2.2/24', 'dev', 'eth0');
  await lan.exec('ip', 'link', 'set', 'eth0', 'up');
  await host.exec('ip', 'link', 'set', link, 'netns', container.name, 'name', 'eth0');
  await container.exec('ip', 'address', 'add', `${address}/16`, 'dev', 'eth0');
  await container.exec('ip', 'link', 'set', 'eth0', 'up');
  await container.exec('ip', 'route', 'add', 'default', 'via', '10.1.0.1');
  const server = Helper.start<ServerRequest, string>(scope, container, 'traffic-server');
  for (const protocol of ['udp', 'tcp'] as const) {
    await server.ask({ protocol, port: containerPort(count - 1) });
  }
  const client = Helper.start<TrafficRequest, TrafficAnswer>(scope, lan, 'traffic-client');
  return { client, host, port: firstPort + count - 1, costs: { udp: [], tcp: [] } };
}

function quotient(one: Distribution, other: Distribution): Distribution {
  return single(one.p50 / other.p50);
}
