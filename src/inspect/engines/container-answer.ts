import { parseMac, parseProtocol, type Ip } from '../../model/index.ts';
import type { AttachmentView, ContainerView, PublishedView } from './container-view.ts';
import { attempt } from './network-view.ts';
import { readIps } from './read-containers.ts';

/** A container in full. Source: Docker Engine API v1.24, GET /containers/{id}/json; Podman answers the same. */
export interface ContainerAnswer {
  readonly Id: string;
  readonly Name?: string;
  readonly State?: StateAnswer | null;
  readonly Config?: {
    readonly Image?: string;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
  } | null;
  readonly HostConfig?: { readonly NetworkMode?: string; readonly PortBindings?: PortMap | null } | null;
  readonly NetworkSettings?: {
    readonly SandboxKey?: string;
    readonly Ports?: PortMap | null;
    readonly Networks?: Readonly<Record<string, AttachmentAnswer>> | null;
  } | null;
}

interface StateAnswer {
  readonly Status?: string;
  readonly Pid?: number;
  readonly ExitCode?: number;
  readonly OOMKilled?: boolean;
  readonly Error?: string;
  readonly StartedAt?: string;
  readonly FinishedAt?: string;
  readonly Health?: { readonly Status?: string } | null;
}

/** A container's place in a network. */
export interface AttachmentAnswer {
  readonly NetworkID?: string;
  readonly EndpointID?: string;
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
  readonly Gateway?: string;
  readonly MacAddress?: string;
  readonly Aliases?: readonly string[] | null;
}

type PortMap = Readonly<Record<string, readonly HostPortAnswer[] | null>>;

interface HostPortAnswer {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

const states: ReadonlySet<string> = new Set([
  'created',
  'running',
  'paused',
  'restarting',
  'exited',
  'dead',
  'removing',
]);

/** A container in our words; what is malformed is left out. */
export function containerViewOf(answer: ContainerAnswer, idOf: ReadonlyMap<string, string>): ContainerView {
  const { Id, Name, State, Config, HostConfig, NetworkSettings } = answer;
  const sandbox = NetworkSettings?.SandboxKey;
  return {
    id: Id,
    name: (Name || Id).replace(/^\//, ''),
    image: Config?.Image ?? '',
    ...lifeOf(State ?? {}),
    networkMode: HostConfig?.NetworkMode ?? '',
    ...(sandbox ? { sandboxPath: sandbox } : {}),
    attachments: attachmentsOf(NetworkSettings?.Networks ?? {}, idOf),
    requestedPorts: portsOf(HostConfig?.PortBindings ?? {}),
    // Without a host port it is exposed and not published.
    publishedPorts: portsOf(NetworkSettings?.Ports ?? {}).filter(({ hostPort }) => hostPort !== undefined),
    exposedPorts: Object.keys(Config?.ExposedPorts ?? {}),
    labels: Config?.Labels ?? {},
  };
}

/** The networks of a container; one that was never started knows them by name only, so `idOf` gives their ids. */
export function attachmentsOf(
  networks: Readonly<Record<string, AttachmentAnswer>>,
  idOf: ReadonlyMap<string, string>,
): AttachmentView[] {
  return Object.entries(networks).map(([networkName, one]) => {
    const [gateway] = readIps([one.Gateway]);
    const mac = attempt(() => parseMac(one.MacAddress));
    return {
      networkId: one.NetworkID || (idOf.get(networkName) ?? ''),
      networkName,
      ...(one.EndpointID ? { endpointId: one.EndpointID } : {}),
      addresses: readIps([one.IPAddress, one.GlobalIPv6Address]),
      ...(gateway === undefined ? {} : { gateway }),
      ...(mac === undefined ? {} : { mac }),
      aliases: one.Aliases ?? [],
    };
  });
}

/** A state that engines have in common. Podman says `configured` and `initialized` before, `stopped` after a run. */
export function stateOf(status: string | undefined): ContainerView['state'] {
  if (status === 'configured' || status === 'initialized') return 'created';
  if (status === 'stopped') return 'exited';
  return status !== undefined && states.has(status) ? (status as ContainerView['state']) : 'unknown';
}

type Life = Pick<
  ContainerView,
  'state' | 'pid' | 'exitCode' | 'wasKilledForMemory' | 'error' | 'health' | 'startedAt' | 'finishedAt'
>;

function lifeOf({
  Status,
  Pid,
  ExitCode,
  OOMKilled,
  Error,
  StartedAt,
  FinishedAt,
  Health,
}: StateAnswer): Life {
  return {
    state: stateOf(Status),
    ...(Pid ? { pid: Pid } : {}),
    ...(ExitCode === undefined ? {} : { exitCode: ExitCode }),
    ...(OOMKilled === true ? { wasKilledForMemory: true } : {}),
    ...(Error ? { error: Error } : {}),
    ...(Health?.Status && Health.Status !== 'none' ? { health: Health.Status } : {}),
    ...timeOf('startedAt', StartedAt),
    ...timeOf('finishedAt', FinishedAt),
  };
}

/** The engine writes the year 1 for never. */
function timeOf(field: 'startedAt' | 'finishedAt', text: string | undefined): Partial<Life> {
  return text === undefined || text === '' || text.startsWith('0001-') ? {} : { [field]: text };
}

function portsOf(map: PortMap): PublishedView[] {
  return Object.entries(map).flatMap(([key, bindings]) => {
    const [port = '', name = 'tcp'] = key.split('/');
    const protocol = attempt(() => parseProtocol(name));
    const containerPort = portNumber(port);
    if (protocol === undefined || containerPort === undefined) return [];
    return (bindings ?? []).map(({ HostIp, HostPort }) => {
      const [hostIp] = readIps([HostIp]) as [Ip?];
      // A range lets the engine choose, as nothing does.
      const hostPort = portNumber(HostPort ?? '');
      return {
        protocol,
        ...(hostIp === undefined ? {} : { hostIp }),
        ...(hostPort === undefined ? {} : { hostPort }),
        containerPort,
      };
    });
  });
}

function portNumber(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : undefined;
}
