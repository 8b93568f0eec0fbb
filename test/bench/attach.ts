import { setTimeout } from 'node:timers/promises';
import type { Bench, Part } from './bench.ts';
import { crowd, crowdedHost, firstCrowdPort } from './crowded-host.ts';
import { Daemon } from './daemon.ts';
import { distributionOf, timed, type Figure } from './figures.ts';
import type { LinearPort } from './linear-rules.ts';
import {
  createEndpoint,
  createNetwork,
  joinEndpoint,
  newEndpoint,
  publishPorts,
  removeEndpoint,
  revokePorts,
  type TestNetwork,
} from './plugin-calls.ts';
import { ScriptedHost } from './scripted-host.ts';

const rounds = 50;
const oursPerRound = 4;
const aimMs = 5;
/** A daemon has attached so many containers in its first minutes; until then its code is not compiled. */
const warmUps = 200;

/** What one attach costs at the plugin's socket, beside what the same costs a shell script. */
export const attach: Part = async (bench) => {
  const daemon = await Daemon.start(bench.scope);
  const network = await createNetwork(daemon, 1);
  const quiet = await measure(bench, 'with 0 endpoints', daemon, network, await scriptedHost(bench, 0));
  const crowded = await crowdedHost(bench);
  const peer = await scriptedHost(bench, crowd);
  const full = await measure(bench, `with ${crowd} endpoints`, crowded.daemon, crowded.networks[0], peer);
  return [
    {
      title: 'attach and detach at the socket',
      notes: [
        'peer: ip link add, set master, up; iptables DNAT, accept, hairpin masquerade',
        'attach: CreateEndpoint, Join, ProgramExternalConnectivity with one port; detach: Revoke, Leave, Delete',
        `the daemon has attached ${warmUps} containers before`,
        'the link of an ended endpoint is deleted after the answer, and waited for before the next attach',
      ],
      figures: [...quiet, ...full],
    },
  ];
};

/** A deletion holds the kernel's link lock for 20 ms, longer with many links; who comes next would wait for it. */
const linkGoneMs = 60;

const port = { protocol: 6, hostPort: 8080, containerPort: 80 } as const;

/** Milliseconds of each run. */
type Samples = Readonly<Record<'attach' | 'create' | 'join' | 'publish' | 'detach', number[]>>;

async function measure(
  { progress }: Bench,
  present: string,
  daemon: Daemon,
  network: TestNetwork,
  peer: ScriptedHost,
): Promise<Figure[]> {
  progress(`attach and detach ${present}`);
  const ours: Samples = { attach: [], create: [], join: [], publish: [], detach: [] };
  const theirs: Pick<Samples, 'attach' | 'detach'> = { attach: [], detach: [] };
  for (let index = 0; index < warmUps; index++) {
    const endpoint = newEndpoint(network, index);
    await createEndpoint(daemon, endpoint);
    await joinEndpoint(daemon, endpoint);
    await publishPorts(daemon, endpoint, [port]);
    await removeEndpoint(daemon, endpoint);
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < oursPerRound; turn++) {
      const endpoint = newEndpoint(network, warmUps + round * oursPerRound + turn);
      const create = await createEndpoint(daemon, endpoint);
      const join = await joinEndpoint(daemon, endpoint);
      const publish = await publishPorts(daemon, endpoint, [port]);
      const detach = (await revokePorts(daemon, endpoint)) + (await removeEndpoint(daemon, endpoint));
      ours.create.push(create);
      ours.join.push(join);
      ours.publish.push(publish);
      ours.attach.push(create + join + publish);
      ours.detach.push(detach);
      await setTimeout(linkGoneMs);
    }
    const linear = linearPort(peer, 0, 8080);
    theirs.attach.push(await timed(() => peer.attach('new', linear)));
    theirs.detach.push(await timed(() => peer.detach('new', linear)));
  }
  const of = (step: keyof Samples) => distributionOf(ours[step]);
  const ofPeer = (step: keyof typeof theirs) => distributionOf(theirs[step]);
  return [
    { what: `attach ${present}`, unit: 'ms', ours: of('attach'), peer: ofPeer('attach'), aim: aimMs },
    { what: '  of it CreateEndpoint', unit: 'ms', ours: of('create') },
    { what: '  of it Join', unit: 'ms', ours: of('join') },
    { what: '  of it ProgramExternalConnectivity', unit: 'ms', ours: of('publish') },
    { what: `detach ${present}`, unit: 'ms', ours: of('detach'), peer: ofPeer('detach') },
  ];
}

async function scriptedHost({ scope }: Bench, endpoints: number): Promise<ScriptedHost> {
  const host = await ScriptedHost.start(scope, 3);
  const indexes = Array.from({ length: endpoints }, (_, index) => index);
  await host.fill(
    indexes.map((index) => `v${index}`),
    indexes.map((index) => linearPort(host, index, firstCrowdPort + index)),
  );
  return host;
}

function linearPort({ bridges }: ScriptedHost, index: number, hostPort: number): LinearPort {
  const number = index % bridges.length;
  const host = 1000 + Math.floor(index / bridges.length);
  return {
    bridge: bridges[number] ?? '',
    protocol: 'tcp',
    hostPort,
    target: `10.${number + 1}.${host >> 8}.${host & 255}`,
    targetPort: 80,
  };
}
