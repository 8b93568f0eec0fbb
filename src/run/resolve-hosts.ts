import { gatewayOf, invalid, type HostEntry, type Ip } from '../model/index.ts';
import type { NetworkChoice } from './choose-networks.ts';
import type { RunRequest } from './run-request.ts';

/**
 * The lines for a hosts file. `host-gateway` is the host as the sandbox sees it: the gateways of its first network that has
 * any, or loopback in the host's own namespace.
 *
 * @throws invalid-input where nothing leads to the host
 */
export function resolveHosts({ hosts, mode }: RunRequest, choices: readonly NetworkChoice[]): HostEntry[] {
  return hosts.flatMap(({ name, ip }) => {
    if (ip !== 'host-gateway') return [{ name, ip }];
    const gateways = mode.kind === 'host' ? ['127.0.0.1' as Ip] : gatewaysOf(choices);
    if (gateways.length === 0) {
      throw invalid(
        '--add-host',
        `${name}:host-gateway`,
        'an address: no network of the sandbox leads to the host',
      );
    }
    return gateways.map((gateway) => ({ name, ip: gateway }));
  });
}

function gatewaysOf(choices: readonly NetworkChoice[]): Ip[] {
  const gateways = choices.map(({ found }) =>
    ([4, 6] as const)
      .flatMap((family) => gatewayOf(found, family) ?? [])
      // A link-local address means nothing without an interface.
      .filter((ip) => !ip.startsWith('fe80:')),
  );
  return gateways.find((ips) => ips.length > 0) ?? [];
}
