import { ownNetavarkPlugin } from '../support/libcni-plugins.ts';
import { after, callOperation, must, type Kind } from './kind.ts';
import type { Call, TortureHost } from './torture-host.ts';
import { flushAndReconcile, upkeep } from './upkeep.ts';

/** A container as Podman describes it. */
interface Container {
  readonly name: string;
  readonly ip: string;
  readonly hostPort: number;
}

const victim: Container = { name: 'p1', ip: '10.91.0.50', hostPort: 9200 };
/** Wants the same address and port. */
const rival: Container = { ...victim, name: 'p2' };
const other: Container = { name: 'p3', ip: '10.91.0.51', hostPort: 9201 };

function call(command: 'setup' | 'teardown', { name, ip, hostPort }: Container): Call {
  const request = {
    container_id: name.padEnd(64, '0'),
    container_name: name,
    port_mappings: [{ container_port: 80, host_ip: '', host_port: hostPort, protocol: 'tcp', range: 1 }],
    network: {
      name: 'one',
      id: '1'.repeat(64),
      driver: 'tsnet',
      subnets: [{ subnet: '10.91.0.0/24', gateway: '10.91.0.1' }],
    },
    network_options: { interface_name: 'eth0', static_ips: [ip] },
  };
  return { words: [ownNetavarkPlugin, command, `/run/netns/${name}`], input: JSON.stringify(request) };
}

const answers = (host: TortureHost, { name }: Container): Promise<string[]> =>
  must(host, `${name} is reached`, {
    words: ['nsenter', `--net=/run/netns/${name}`, 'ping', '-n', '-c1', '-W3', '10.91.0.1'],
  });

/** Kills of the plugin for Podman, without a daemon. */
export const netavarkKind: Kind = {
  name: 'netavark',
  operations: [
    // The first container of a network makes it, the last one ends it.
    callOperation('setup that makes the network', call('setup', victim)),
    callOperation('setup', call('setup', victim), after(call('setup', other))),
    callOperation('teardown', call('teardown', victim), after(call('setup', other), call('setup', victim))),
    callOperation('teardown that ends the network', call('teardown', victim), after(call('setup', victim))),
  ],
  continuations: [
    ...[victim, rival].map((container) => ({
      name: `teardown of p1, setup of ${container.name} with the same address and port`,
      async run(host: TortureHost) {
        return [
          ...(await must(host, 'teardown p1', call('teardown', victim))),
          ...(await must(host, `setup ${container.name}`, call('setup', container))),
          ...(await answers(host, container)),
          ...(await flushAndReconcile(host)),
          ...(await answers(host, container)),
          ...(await must(host, `teardown ${container.name}`, call('teardown', container))),
        ];
      },
    })),
    {
      name: 'teardown killed',
      async run(host, random) {
        await host.kill(call('teardown', victim), { step: 1 + random.below(60) });
        return [];
      },
    },
    ...upkeep,
  ],
  async prepare({ host }) {
    for (const { name } of [victim, rival, other]) await host.exec('ip', 'netns', 'add', name);
  },
  async end(host) {
    const problems: string[] = [];
    for (const container of [victim, rival, other]) {
      problems.push(...(await must(host, `teardown ${container.name}`, call('teardown', container))));
    }
    return problems;
  },
};
