import { parseIp, parseSubnet, TsnetError } from '../../model/index.ts';
import type { NetworkView } from './container-view.ts';

/** A network as the Docker Engine API tells it. Source: Docker Engine API v1.24, GET /networks. */
export interface NetworkAnswer {
  readonly Id: string;
  readonly Name?: string;
  readonly Driver?: string;
  readonly Internal?: boolean;
  readonly IPAM?: { readonly Config?: readonly IpamConfig[] | null } | null;
  readonly Options?: Readonly<Record<string, string>> | null;
}

interface IpamConfig {
  readonly Subnet?: string;
  readonly Gateway?: string;
  readonly IPRange?: string;
}

const bridgeOption = 'com.docker.network.bridge.name';

/** The same in our words; ranges that are none are left out. */
export function networkViewOf(answer: NetworkAnswer): NetworkView {
  const { Id, Name, Driver, Internal, IPAM, Options } = answer;
  const options = Options ?? {};
  const driver = Driver ?? '';
  const bridge = options[bridgeOption] || bridgeOf(Id, driver);
  return {
    id: Id,
    name: Name ?? Id,
    driver,
    isInternal: Internal === true,
    subnets: (IPAM?.Config ?? []).flatMap(({ Subnet, Gateway, IPRange }) => {
      const subnet = attempt(() => parseSubnet(Subnet));
      if (subnet === undefined) return [];
      const gateway = attempt(() => parseIp(Gateway?.replace(/\/\d+$/, '')));
      const range = attempt(() => parseSubnet(IPRange));
      return [
        {
          subnet,
          ...(gateway === undefined ? {} : { gateway }),
          ...(range === undefined ? {} : { range }),
        },
      ];
    }),
    options,
    ...(bridge === undefined ? {} : { bridge }),
  };
}

/** What drivers call a bridge that the user did not name. Source: moby bridge driver, `br-` and 12 digits of the id. */
function bridgeOf(id: string, driver: string): string | undefined {
  if (driver === 'bridge') return `br-${id.slice(0, 12)}`;
  if (driver === 'tsnet') return `tsb-${id.slice(0, 10)}`;
  return undefined;
}

/** What `read` gives; undefined where the text is not what it should be. */
export function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TsnetError) return undefined;
    throw error;
  }
}
