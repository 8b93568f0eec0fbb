import { join } from 'node:path';
import { ownPlugins } from '../support/libcni-plugins.ts';
import type { Call } from './torture-host.ts';

/** An attachment as a runtime asks for it. */
export interface Pod {
  /** Id of the container, and name of its namespace. */
  readonly container: string;
  /** Name of the CNI network. */
  readonly network: string;
  readonly ip?: string;
  readonly hostPort?: number;
}

/** The networks of the tests: name → what their addresses begin with. */
const prefixes: Readonly<Record<string, string>> = { torture: '10.44.0', fresh: '10.45.0' };

/** ADD, DEL or CHECK of the plugin `tsnet`, as a process of its own. */
export function cniCall(verb: 'ADD' | 'DEL', { container, network, ip, hostPort }: Pod): Call {
  return pluginCall(
    {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: container,
      CNI_NETNS: `/run/netns/${container}`,
      CNI_IFNAME: 'eth0',
    },
    network,
    {
      runtimeConfig: {
        ...(ip === undefined ? {} : { ips: [`${ip}/24`] }),
        ...(hostPort === undefined
          ? {}
          : { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] }),
      },
    },
  );
}

/** GC of a network: all but these containers have ended. */
export function cniCollect(network: string, valid: readonly string[]): Call {
  return pluginCall({ CNI_COMMAND: 'GC' }, network, {
    'cni.dev/valid-attachments': valid.map((containerID) => ({ containerID, ifname: 'eth0' })),
  });
}

function pluginCall(env: Readonly<Record<string, string>>, network: string, more: object): Call {
  const prefix = prefixes[network] ?? '10.46.0';
  const config = {
    cniVersion: '1.1.0',
    name: network,
    type: 'tsnet',
    bridge: `br-${network}`,
    isDefaultGateway: true,
    ipMasq: true,
    ipam: {
      type: 'tsnet-ipam',
      ranges: [[{ subnet: `${prefix}.0/24` }], [{ subnet: `fd00:${prefix.split('.')[1]}::/64` }]],
    },
    ...more,
  };
  return {
    words: [join(ownPlugins, 'tsnet')],
    env: { ...env, CNI_PATH: ownPlugins },
    input: JSON.stringify(config),
  };
}
