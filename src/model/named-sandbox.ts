import type { PortBinding, PortRequest } from './endpoint.ts';
import { invalid } from './errors.ts';
import type { Ip } from './ip.ts';
import type { Mac } from './mac.ts';
import type { NetworkId } from './names.ts';
import type { Port, Protocol } from './port.ts';
import type { Shaping } from './shaping.ts';

/** The id of a sandbox that tsnet runs: 64 hexadecimal digits. */
export type SandboxId = string & { readonly __brand: 'SandboxId' };

/** The name of a sandbox: what others find it by, its network namespace is called, and `/etc/hostname` says. */
export type SandboxName = string & { readonly __brand: 'SandboxName' };

/** Tells one process from every other of the same boot: a process id alone is given again to somebody else. */
export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process. */
  readonly startTime: string;
}

/** Where the interfaces of a sandbox are. */
export type SandboxNetns =
  | {
      readonly kind: 'own';
      readonly path: string;
      /** Its identity, `device:inode`; absent until it is made. */
      readonly id?: string;
    }
  /** The namespace of the sandbox with that id, which had the name. */
  | { readonly kind: 'shared'; readonly path: string; readonly owner: SandboxId; readonly name: SandboxName }
  | { readonly kind: 'host' };

/** A network that a sandbox is in whenever it runs, and what the user wishes there. */
export interface SandboxNetwork {
  readonly id: NetworkId;
  /** At most one of each family; a family without one gets the next free address. */
  readonly ips: readonly Ip[];
  readonly mac?: Mac;
  /** What others in the network find the sandbox by, beside its name. */
  readonly aliases: readonly string[];
  /** In each direction instead of what the network says. */
  readonly shaping?: Shaping;
  /** What it has there, or had when it last ended: it has the same again, unless somebody took it meanwhile. */
  readonly former?: { readonly ips: readonly Ip[]; readonly ports: readonly PortBinding[] };
}

/** What differs from the host's `/etc/resolv.conf`. */
export interface SandboxDns {
  /** In place of the host's, if there are any. */
  readonly servers: readonly Ip[];
  /** In place of the host's, if there are any; `.` alone means none. */
  readonly searches: readonly string[];
  /** In place of the host's, if there are any. */
  readonly options: readonly string[];
}

/** A name for another sandbox that only one sandbox knows. */
export interface SandboxLink {
  readonly name: SandboxName;
  readonly alias: string;
}

/** A line of the hosts file that the user asked for. */
export interface HostEntry {
  readonly name: string;
  readonly ip: Ip;
}

/** A port that the command listens on, as the user says. */
export interface ExposedPort {
  readonly protocol: Protocol;
  readonly port: Port;
}

/** How a sandbox ended. */
export interface SandboxEnd {
  /** The exit status, 128 and the number of the signal that ended it; absent when nobody was there to see it. */
  readonly code?: number;
  /** Seconds since 1970; absent when the host went down meanwhile. */
  readonly at?: number;
}

/**
 * A command in a network sandbox of its own that no engine runs, as it was decided. After a boot it has ended, or is
 * forgotten if nothing of it was to be kept.
 */
export interface NamedSandbox {
  readonly id: SandboxId;
  readonly name: SandboxName;
  readonly netns: SandboxNetns;
  /** Absent: the host's. */
  readonly hostname?: string;
  readonly command: readonly string[];
  /** `NAME=VALUE`, beside the environment of who starts it. */
  readonly environment: readonly string[];
  /** Where the command begins. */
  readonly workingDirectory: string;
  /** As in `docker run --user`; absent: who runs tsnet. */
  readonly user?: string;
  /** The networks it is in, or is about to be, the one of the first interface first; those it was in once it has ended. */
  readonly networks: readonly SandboxNetwork[];
  readonly ports: readonly PortRequest[];
  readonly exposed: readonly ExposedPort[];
  readonly links: readonly SandboxLink[];
  readonly hosts: readonly HostEntry[];
  readonly dns: SandboxDns;
  /** Whether nothing of it is kept when it has ended. */
  readonly isRemovedAtEnd: boolean;
  /** Who makes it. As long as that process lives the sandbox may be without a command. Absent when it ended before this boot. */
  readonly creator?: ProcessRef;
  /** The command, once it was allowed to begin. */
  readonly process?: ProcessRef;
  /** Present once it has ended and has no network any more. */
  readonly end?: SandboxEnd;
  /** How it ended before it was started again. */
  readonly formerEnd?: SandboxEnd;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/**
 * Reads the name of a sandbox. It becomes a host name and the name of a namespace. Source: sethostname(2), 64 bytes.
 *
 * @throws invalid-input
 */
export function parseSandboxName(text: unknown, field = '--name'): SandboxName {
  if (typeof text !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text)) {
    throw invalid(
      field,
      text,
      '1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit',
    );
  }
  return text as SandboxName;
}
