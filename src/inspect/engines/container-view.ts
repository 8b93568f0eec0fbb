import { shortId, type Ip, type Mac, type PortBinding, type Subnet } from '../../model/index.ts';

/** What one engine says of itself, its networks and containers; its intent, not what the kernel holds. */
export interface EngineView {
  /** `tsnet`: its own networks and sandboxes; `cni` and `netavark`: what it attached for runtimes that don't tell of it. */
  readonly kind: 'docker' | 'podman' | 'containerd' | 'tsnet' | 'cni' | 'netavark';
  /** Empty where nobody tells it. */
  readonly version: string;
  /** The socket that answered, or the directory that was read. */
  readonly socket: string;
  readonly networks: readonly NetworkView[];
  readonly containers: readonly ContainerView[];
}

/** Whether an engine answers as Docker does, in the words of its API. */
export function speaksDocker(kind: EngineView['kind']): boolean {
  return kind === 'docker' || kind === 'podman';
}

/** A network as its engine knows it. Texts come from users and may hold anything. */
export interface NetworkView {
  readonly id: string;
  readonly name: string;
  /** Such as `bridge`, `macvlan`, `tsnet`. */
  readonly driver: string;
  readonly isInternal: boolean;
  readonly subnets: readonly { readonly subnet: Subnet; readonly gateway?: Ip; readonly range?: Subnet }[];
  readonly options: Readonly<Record<string, string>>;
  /** The bridge's name where the driver makes one and its name is known. */
  readonly bridge?: string;
}

/** A container as its engine knows it. */
export interface ContainerView {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state:
    'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'removing' | 'unknown';
  /** Main process; absent while it does not run. */
  readonly pid?: number;
  readonly exitCode?: number;
  readonly wasKilledForMemory?: boolean;
  /** The engine's own reason why it did not start. */
  readonly error?: string;
  readonly health?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** The mode as the user asked for it: `bridge`, `host`, `none`, `container:<id>`, `macvlan`'s network name, … */
  readonly networkMode: string;
  /** The engine's handle of the namespace, such as `/var/run/docker/netns/4f2a`. */
  readonly sandboxPath?: string;
  /**
   * The identity of the namespace, where its engine knows it. The kernel gives the number of one that is gone to the next,
   * so that a process, a link or the handle has to agree.
   */
  readonly netns?: `net:${number}`;
  readonly attachments: readonly AttachmentView[];
  /** What the user asked to publish, as in `HostConfig.PortBindings`, ranges resolved one by one. */
  readonly requestedPorts: readonly PublishedView[];
  /** What the engine says is published, as in `NetworkSettings.Ports`, and what tsnet published without its knowing. */
  readonly publishedPorts: readonly PublishedView[];
  /** Ports that the image or the user only mentions (`EXPOSE`), such as `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A container in a network. */
export interface AttachmentView {
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId?: string;
  readonly addresses: readonly Ip[];
  readonly gateway?: Ip;
  readonly mac?: Mac;
  readonly aliases: readonly string[];
}

/** One published port. */
export interface PublishedView extends Pick<PortBinding, 'protocol'> {
  /** Absent: every address of both versions. */
  readonly hostIp?: Ip;
  /** Absent: one that the engine chooses. */
  readonly hostPort?: number;
  readonly containerPort: number;
}

/** What Kubernetes, nerdctl and Podman choose; others choose names. */
const generatedId = /^[0-9a-f]{64}$/;

/** How a container is called that nobody gave a name. */
export function nameOfId(id: string): string {
  return generatedId.test(id) ? shortId(id) : id;
}
