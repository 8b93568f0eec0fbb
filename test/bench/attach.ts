import { setTimeout } from 'node:timers/promises';
import type { Bench, Part } from './bench.ts';
import { crowd, crowdedHost, firstCrowdPort } from './crowded-host.ts';
import { Daemon } from './daemon.ts';
import { distributionOf, restMs, timed, type Figure } from './figures.ts';
import type { LinearPort } from './linear-rules.ts';
import {
  createEndpoint,
  createNetwork,
  joinEndpoint,
  newEndpoint,
  publishPorts,
  removeEndpoint,
  revokePorts,
  type TestEndpoint,
  type TestNetwork,
} from './plugin-calls.ts';
import { ScriptedHost } from './scripted-host.ts';

const rounds = 50;
/** How many containers are attached one after the other, by tsnet and by the script. */
const rows = { ours: 5, peer: 2 };
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
        `the daemon has attached ${warmUps} containers before; now ${rows.ours} one after the other, as Compose starts them`,
        `after a rest: the first of them, after ${restMs} ms in which nobody does anything and the processors sleep`,
      ],
      figures: [...quiet, ...full],
    },
  ];
};

const firstPort = 8080;

/** Milliseconds of each run. */
type Samples = Readonly<Record<'attach' | 'create' | 'join' | 'publish' | 'rested' | 'detach', number[]>>;

async function measure(
  { progress }: Bench,
  present: string,
  daemon: Daemon,
  network: TestNetwork,
  peer: ScriptedHost,
): Promise<Figure[]> {
  progress(`attach and detach ${present}`);
  const ours: Samples = { attach: [], create: [], join: [], publish: [], rested: [], detach: [] };
  const theirs: Pick<Samples, 'attach' | 'rested' | 'detach'> = { attach: [], rested: [], detach: [] };
  for (let index = 0; index < warmUps; index++) {
    const endpoint = newEndpoint(network, index);
    await attachOurs(daemon, endpoint, firstPort);
    await removeEndpoint(daemon, endpoint);
  }
  for (let round = 0; round < rounds; round++) {
    const first = warmUps + round * rows.ours;
    const endpoints = Array.from({ length: rows.ours }, (_, index) => newEndpoint(network, first + index));
    await setTimeout(restMs);
    for (const [index, endpoint] of endpoints.entries()) {
      const { create, join, publish } = await attachOurs(daemon, endpoint, firstPort + index);
      const whole = create + join + publish;
      if (index === 0) {
        ours.rested.push(whole);
        continue;
      }
      ours.create.push(create);
      ours.join.push(join);
      ours.publish.push(publish);
      ours.attach.push(whole);
    }
    for (const endpoint of endpoints) {
      ours.detach.push((await revokePorts(daemon, endpoint)) + (await removeEndpoint(daemon, endpoint)));
    }
    const links = Array.from({ length: rows.peer }, (_, index) => ({
      name: `new${index}`,
      port: linearPort(peer, index, firstPort + index),
    }));
    await setTimeout(restMs);
    for (const [index, { name, port }] of links.entries()) {
      const samples = index === 0 ? theirs.rested : theirs.attach;
      samples.push(await timed(() => peer.attach(name, port)));
    }
    for (const { name, port } of links) theirs.detach.push(await timed(() => peer.detach(name, port)));
  }
  const of = (step: keyof Samples) => distributionOf(ours[step]);
  const ofPeer = (step: keyof typeof theirs) => distributionOf(theirs[step]);
  return [
    { what: `attach ${present}`, unit: 'ms', ours: of('attach'), peer: ofPeer('attach'), aim: aimMs },
    { what: '  of it CreateEndpoint', unit: 'ms', ours: of('create') },
    { what: '  of it Join', unit: 'ms', ours: of('join') },
    { what: '  of it ProgramExternalConnectivity', unit: 'ms', ours: of('publish') },
    { what: '  after a rest', unit: 'ms', ours: of('rested'), peer: ofPeer('rested'), aim: aimMs },
    { what: `detach ${present}`, unit: 'ms', ours: of('detach'), peer: ofPeer('detach') },
  ];
}

/** Milliseconds of each call. */
async function attachOurs(
  daemon: Daemon,
  endpoint: TestEndpoint,
  hostPort: number,
): Promise<Readonly<Record<'create' | 'join' | 'publish', number>>> {
  const create = await createEndpoint(daemon, endpoint);
  const join = await joinEndpoint(daemon, endpoint);
  const publish = await publishPorts(daemon, endpoint, [{ protocol: 6, hostPort, containerPort: 80 }]);
  return { create, join, publish };
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
