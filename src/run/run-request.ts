import type { ExposedPort, Ip, Mac, PortRequest, SandboxLink, SandboxName, Shaping } from '../model/index.ts';

/** A network that a sandbox is to be in. */
export interface NetworkWish {
  /** Its name, id or the beginning of its id. */
  readonly network: string;
  /** At most one address of each family; a family without one gets the next free address. */
  readonly ips: readonly Ip[];
  readonly mac?: Mac;
  /** What others in the network find the sandbox by, beside its name. */
  readonly aliases: readonly string[];
  /** In each direction instead of what the network says. */
  readonly shaping?: Shaping;
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

/** What differs from the host's `/etc/resolv.conf`. */
export interface DnsWishes {
  /** In place of the host's, if there are any. */
  readonly servers: readonly Ip[];
  /** In place of the host's, if there are any; `.` alone means none. */
  readonly searches: readonly string[];
  /** In place of the host's, if there are any. */
  readonly options: readonly string[];
}

/** What a user asks for with `tsnet run`. */
export interface RunRequest {
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
  readonly dns: DnsWishes;
  readonly isRemovedAtEnd: boolean;
  /** Whether it goes on without who started it. */
  readonly isDetached: boolean;
}
