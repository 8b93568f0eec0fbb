import type { Bench } from './bench.ts';
import { Daemon } from './daemon.ts';
import type { Scope } from './scope.ts';
import {
  createEndpoint,
  createNetwork,
  joinEndpoint,
  newEndpoint,
  publishPorts,
  type TestNetwork,
} from './plugin-calls.ts';

/** How many endpoints are present on a crowded host. A bridge takes 1,023, so three networks share them. */
export const crowd = 2000;

const numberOfNetworks = 3;

/** A daemon and the networks it has, 10.1.0.0/16 and the following. */
export interface CrowdedHost {
  readonly daemon: Daemon;
  readonly networks: readonly [TestNetwork, ...TestNetwork[]];
}

const hosts = new WeakMap<Scope, Promise<CrowdedHost>>();

/** The host with 2,000 endpoints, each with a published port; made once for all parts of a run. */
export function crowdedHost(bench: Bench): Promise<CrowdedHost> {
  const known = hosts.get(bench.run) ?? makeCrowdedHost(bench);
  hosts.set(bench.run, known);
  return known;
}

/** Host ports of a crowded host begin here; those below are free. */
export const firstCrowdPort = 20_000;

async function makeCrowdedHost({ run, progress }: Bench): Promise<CrowdedHost> {
  progress(`making ${crowd} endpoints`);
  const daemon = await Daemon.start(run);
  const networks: [TestNetwork, ...TestNetwork[]] = [await createNetwork(daemon, 1)];
  for (let number = 2; number <= numberOfNetworks; number++)
    networks.push(await createNetwork(daemon, number));
  for (let index = 0; index < crowd; index++) {
    const network = networks[index % numberOfNetworks] ?? networks[0];
    const endpoint = newEndpoint(network, 1000 + Math.floor(index / numberOfNetworks));
    await createEndpoint(daemon, endpoint);
    await joinEndpoint(daemon, endpoint);
    await publishPorts(daemon, endpoint, [
      { protocol: 6, hostPort: firstCrowdPort + index, containerPort: 80 },
    ]);
  }
  return { daemon, networks };
}
