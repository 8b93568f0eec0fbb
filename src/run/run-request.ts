import type {
  ExposedPort,
  Ip,
  PortRequest,
  SandboxDns,
  SandboxLink,
  SandboxName,
  SandboxNetwork,
} from '../model/index.ts';

/** A network that a sandbox is to be in. */
export interface NetworkWish extends Omit<SandboxNetwork, 'id' | 'former'> {
  /** Its name, id or the beginning of its id. */
  readonly network: string;
}

/** Whose interfaces a command sees: those of networks, none but loopback, the host's, or another sandbox's. */
export type NetworkMode =
  | { readonly kind: 'networks'; readonly wishes: readonly NetworkWish[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'host' }
  | { readonly kind: 'sandbox'; readonly name: string };

/** A line of the hosts file; `host-gateway` stands for the host as the sandbox sees it. */
export interface HostWish {
  readonly name: string;
  readonly ip: Ip | 'host-gateway';
}

/** How a command is executed. */
export interface Execution {
  /** `NAME=VALUE`, beside our own environment. */
  readonly environment: readonly string[];
  /** Absent: our own. */
  readonly workingDirectory?: string;
  /** `NAME|UID[:GROUP|GID]`; absent: our own. */
  readonly user?: string;
}

/** What a user asks for with `tsnet run`. */
export interface RunRequest extends Execution {
  /** Absent: the beginning of the id. */
  readonly name?: SandboxName;
  /** Absent: the name, or the host's in the host's namespace. */
  readonly hostname?: string;
  readonly command: readonly string[];
  readonly mode: NetworkMode;
  readonly ports: readonly PortRequest[];
  readonly exposed: readonly ExposedPort[];
  readonly links: readonly SandboxLink[];
  readonly hosts: readonly HostWish[];
  readonly dns: SandboxDns;
  readonly isRemovedAtEnd: boolean;
  /** Whether it goes on without who started it. */
  readonly isDetached: boolean;
}
