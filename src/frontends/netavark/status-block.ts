import { familyOf, gatewayOf, ipOf } from '../../model/index.ts';
import type { Attachment } from '../../network/index.ts';

/** What netavark hands on to Podman. Source: netavark `src/network/types.rs`, `StatusBlock`. */
export interface StatusBlock {
  readonly dns_search_domains: readonly string[];
  readonly dns_server_ips: readonly string[];
  readonly interfaces: Readonly<
    Record<
      string,
      { readonly mac_address: string; readonly subnets: readonly { ipnet: string; gateway: string | null }[] }
    >
  >;
}

/** What Podman shows of an attachment, and gives back as wishes when it sets the interface up again. */
export function statusOf({ network, endpoint }: Attachment): StatusBlock {
  const subnets = endpoint.addresses.map((address) => ({
    ipnet: address,
    gateway: network.isInternal ? null : (gatewayOf(network, familyOf(ipOf(address))) ?? null),
  }));
  return {
    dns_search_domains: [],
    dns_server_ips: [],
    interfaces: { [endpoint.containerLink]: { mac_address: endpoint.mac, subnets } },
  };
}
