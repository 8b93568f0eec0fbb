import { cniCall } from './cni-calls.ts';
import { tsnetCall, type Agent, type TortureHost } from './torture-host.ts';

/** CNI containers that run all the time. */
export const witnessPods = ['wc1', 'wc2'] as const;

/** Sandboxes that run all the time. */
const sandboxes = ['ws1', 'ws2'] as const;

/**
 * Starts two containers and two sandboxes on networks that the operations use as well. Watched are new connections and lasting ones:
 * from one to the other, out to the LAN, and from the LAN through a published port of each.
 */
export async function startWitnesses(host: TortureHost): Promise<void> {
  await host.succeed(tsnetCall('network', 'create', 'shared', '--subnet', '10.47.0.0/24'));
  const lan = await host.startAgent('lan');
  let hostPort = 8001;
  const begin = async (names: readonly [string, string], start: (name: string) => Promise<string>) => {
    const addresses: string[] = [];
    const inside: Agent[] = [];
    for (const name of names) {
      addresses.push(await start(name));
      inside.push(await host.startAgent(name));
      await lan.tell({ watch: [{ host: '192.0.2.1', port: hostPort }] });
      hostPort += 1;
    }
    const [one, other] = inside;
    await one?.tell({
      watch: [
        { host: addresses[1] ?? '', port: 80 },
        { host: '192.0.2.2', port: 80 },
      ],
    });
    await other?.tell({ watch: [{ host: addresses[0] ?? '', port: 80 }] });
  };
  await begin(sandboxes, async (name) => {
    const flags = ['-d', '--name', name, '--network', 'shared', '-p', `${hostPort}:80`];
    await host.succeed(tsnetCall('run', ...flags, '--', 'sleep', 'infinity'));
    return await addressOf(host, name);
  });
  await begin(witnessPods, async (container) => {
    await host.host.exec('ip', 'netns', 'add', container);
    await host.succeed(cniCall('ADD', { container, network: 'torture', hostPort }));
    return await addressOf(host, container);
  });
}

/** The IPv4 address of eth0 in a namespace of the host. */
async function addressOf({ host }: TortureHost, netns: string): Promise<string> {
  const text = await host.exec('ip', '-n', netns, '-4', '-o', 'address', 'show', 'eth0');
  return /inet ([\d.]+)/.exec(text)?.[1] ?? '';
}
