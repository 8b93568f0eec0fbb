import type { Flow } from '../../kernel/conntrack/index.ts';
import type { IptablesFlavour } from '../../kernel/iptables/index.ts';
import type {
  ForwardingEntry,
  Link,
  LinkAddress,
  LinkCounters,
  Neighbour,
  PolicyRule,
  Route,
} from '../../kernel/netlink/index.ts';
import type { Listener } from '../../kernel/sockets/index.ts';
import type { IpFamily } from '../../model/index.ts';

/**
 * What was seen of a host at one time: facts only, as the kernel tells them. Plain data, so that it can be saved and
 * looked at elsewhere; what belongs together is found by the functions in `relations.ts`.
 */
export interface Snapshot {
  /** When the look began, as in RFC 3339, UTC. */
  readonly takenAt: string;
  readonly host: { readonly name: string; readonly kernel: string };
  /** The namespace that counts as the host. */
  readonly hostNetns: NetnsId;
  /** All that were found, the host's first, then by id. */
  readonly namespaces: readonly NetnsView[];
  /** What could not be read. */
  readonly gaps: readonly Gap[];
}

/** `net:` and the inode of a network namespace, such as `net:4026531840`; the same as `readlink /proc/PID/ns/net` shows. */
export type NetnsId = `net:${number}`;

/** A network namespace and what is in it. */
export interface NetnsView {
  readonly id: NetnsId;
  /** Where it is pinned in the file system, such as `/run/netns/blue` or `/run/docker/netns/4f2a`. */
  readonly paths: readonly string[];
  readonly processes: readonly ProcessView[];
  /** Which id other namespaces have here: what `Link.peerNsid` stands for. */
  readonly nsids: readonly { readonly nsid: number; readonly netns: NetnsId }[];
  readonly links: readonly LinkView[];
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly Route[];
  readonly policyRules: readonly PolicyRule[];
  readonly neighbours: readonly Neighbour[];
  readonly forwarding: readonly ForwardingEntry[];
  readonly sockets: readonly SocketView[];
  /** Tracked connections; absent where they were not asked for or could not be read. */
  readonly flows?: readonly FlowView[];
  /** Absent where they were not asked for or could not be read. */
  readonly ruleSets?: RuleSets;
  /** Settings below `/proc/sys/net` that decide on forwarding and filtering, such as `ipv4/ip_forward`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** A link with what passed it. */
export interface LinkView extends Link {
  readonly counters?: LinkCounters;
}

/** A process, as far as it tells whose a namespace is. */
export interface ProcessView {
  readonly pid: number;
  /** Its own name, at most 15 bytes, chosen by itself. */
  readonly command: string;
  /** Path in the cgroup v2 hierarchy (or of the `pids` controller of v1): names the container. */
  readonly cgroup: string;
  /** The first process of a pid namespace: a container's main process. */
  readonly isInit: boolean;
}

/** A socket that listens, and who holds it where that could be seen. */
export interface SocketView extends Listener {
  readonly process?: { readonly pid: number; readonly command: string };
}

/** A tracked connection without the bytes that name it to the kernel. */
export type FlowView = Omit<Flow, 'identity'>;

/** The rules of all authors in a namespace. */
export interface RuleSets {
  /** What `nft --json list ruleset` prints, counters included; `undefined` without nftables. */
  readonly nft?: unknown;
  /** What `iptables-save -c` prints, for each flavour and family in use. */
  readonly iptables: readonly {
    readonly flavour: IptablesFlavour;
    readonly family: IpFamily;
    readonly text: string;
  }[];
}

/** Something that could not be read, and what that hides. */
export interface Gap {
  /** Such as `net:4026532405 sockets` or `nftables`. */
  readonly what: string;
  readonly why: string;
}
