import {
  parseSubnet,
  TsnetError,
  type EndpointId,
  type EngineUse,
  type NetworkId,
  type Subnet,
} from '../../model/index.ts';
import { shaped, type answerShapes } from './answer-shapes.ts';
import { askEngine, EngineRefusal } from './docker-api.ts';
import { readContainers, readIps } from './read-containers.ts';

/** For each question. */
export const engineTimeoutMs = 5_000;

/** IPAM drivers that are no plugins. Source: libnetwork `ipamapi`. */
const builtIn: ReadonlySet<string> = new Set(['', 'default', 'null', 'windows', 'host-local']);

interface InfoAnswer {
  readonly ID?: string;
  readonly DockerRootDir?: string;
}

interface NetworkAnswer {
  readonly Id: string;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Config?: readonly IpamConfig[] | null;
  } | null;
  readonly Containers?: Readonly<Record<string, EndpointAnswer>> | null;
}

interface IpamConfig {
  readonly Subnet?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>> | null;
}

interface EndpointAnswer {
  readonly EndpointID?: string;
  readonly IPv4Address?: string;
  readonly IPv6Address?: string;
}

/**
 * Asks the engine what it has. Endpoints come from its networks, which also know those without a container, and from
 * its containers.
 *
 * Source: Docker Engine API v1.24, GET /info, /networks, /networks/{id}, /containers/json.
 *
 * @param ours ids of networks that are looked at in any case
 * @throws when no engine answers in time, or not as one does
 */
export async function readEngineUse(ours: ReadonlySet<NetworkId>, signal?: AbortSignal): Promise<EngineUse> {
  const info = (await ask('/info', 'info', signal)) as InfoAnswer;
  if (!info.ID) throw new Error('the engine has no id');
  const all = (await ask('/networks', 'networks', signal)) as readonly NetworkAnswer[];
  const containers = await readContainers(engineTimeoutMs, signal);
  const ofPlugins = all.filter(({ IPAM }) => !builtIn.has(IPAM?.Driver ?? ''));
  const concerned = all.filter((network) => ours.has(network.Id as NetworkId) || ofPlugins.includes(network));
  const endpoints = (await inspect(concerned, signal)).flatMap(({ Containers }) =>
    Object.values(Containers ?? {}),
  );
  const attachments = containers.flatMap((container) => container.attachments);
  return {
    // A copied machine has the same id twice, but never two engines with one folder.
    engine: `${info.ID} ${info.DockerRootDir ?? ''}`.trim(),
    networks: new Set(all.map(({ Id }) => Id as NetworkId)),
    endpoints: new Set([
      ...endpoints.flatMap(({ EndpointID }) => (EndpointID as EndpointId | undefined) ?? []),
      ...attachments.flatMap(({ endpoint }) => endpoint ?? []),
    ]),
    addresses: new Set([
      ...readIps(endpoints.flatMap(({ IPv4Address, IPv6Address }) => [IPv4Address, IPv6Address])),
      ...attachments.flatMap(({ addresses }) => addresses),
      ...readIps(
        ofPlugins
          .flatMap(configsOf)
          .flatMap(({ Gateway, AuxiliaryAddresses }) => [
            Gateway,
            ...Object.values(AuxiliaryAddresses ?? {}),
          ]),
      ),
    ]),
    subnets: new Set(ofPlugins.flatMap(configsOf).flatMap(subnetOf)),
  };
}

async function ask(
  path: string,
  shape: keyof typeof answerShapes,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  return shaped(await askEngine(path, engineTimeoutMs, signal), shape, path);
}

/** One after the other: an engine with many networks has other things to do. */
async function inspect(
  networks: readonly NetworkAnswer[],
  signal: AbortSignal | undefined,
): Promise<NetworkAnswer[]> {
  const details: NetworkAnswer[] = [];
  for (const { Id } of networks) {
    try {
      details.push((await ask(`/networks/${encodeURIComponent(Id)}`, 'network', signal)) as NetworkAnswer);
    } catch (error) {
      // Removed meanwhile, so it had no endpoints.
      if (!(error instanceof EngineRefusal) || error.status !== 404) throw error;
    }
  }
  return details;
}

function configsOf({ IPAM }: NetworkAnswer): readonly IpamConfig[] {
  return IPAM?.Config ?? [];
}

function subnetOf({ Subnet }: IpamConfig): Subnet[] {
  try {
    return Subnet ? [parseSubnet(Subnet)] : [];
  } catch (error) {
    if (error instanceof TsnetError) return [];
    throw error;
  }
}
