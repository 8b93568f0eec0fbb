import type { Ip, IpFamily, Protocol } from '../../model/index.ts';

/** A packet at one place of its way, as far as rules ask for it. */
export interface Packet {
  readonly family: IpFamily;
  readonly protocol: Protocol | 'icmp' | 'icmpv6';
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** The link it came in by; absent for what the host itself sends. */
  readonly inLink?: string;
  /** The link it leaves by; absent before routing and for what stays. */
  readonly outLink?: string;
  /** The port of a bridge that it came in by, where it is bridged. */
  readonly inPort?: string;
  readonly connection: 'new' | 'established';
  /** As it was sent, where it was translated since: what `ct original` and `--ctorigdstport` ask for. */
  readonly original?: { readonly destination: Ip; readonly destinationPort?: number };
  readonly mark?: number;
  /** The first address of `inLink`: where `redirect` leads to. */
  readonly inAddress?: Ip;
  /** The first address of `outLink`: what `masquerade` gives. */
  readonly outAddress?: Ip;
  /** Addresses of the host itself: what `fib daddr type local` and `--dst-type LOCAL` ask for. */
  readonly localAddresses: readonly Ip[];
}

/** A place where the kernel asks rules. Source: nft(8), address families. */
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** One rule or policy that a packet met and that did something, in the order of asking. */
export interface Step {
  readonly hook: Hook;
  readonly priority: number;
  readonly author: 'nftables' | 'iptables-nft' | 'iptables-legacy';
  /** As nft(8) names families: `ip`, `ip6`, `inet`, `bridge`. */
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** Absent for the policy of a chain. */
  readonly rule?: {
    /** 1 for the first of its chain. */
    readonly position: number;
    /** nftables only. */
    readonly handle?: number;
    /** As its own program prints it: `-A DOCKER-USER -i hx0 -j DROP`, `iifname "hx0" drop`. */
    readonly text: string;
    /** Absent where it does not count. */
    readonly packets?: number;
    readonly bytes?: number;
  };
  readonly outcome:
    | 'accept'
    | 'drop'
    | 'reject'
    | 'translate-destination'
    | 'translate-source'
    | 'jump'
    | 'return'
    | 'mark'
    | 'unknown';
  /** The destination or source after a translation. */
  readonly translated?: { readonly ip?: Ip; readonly port?: number };
  /** False where the rule asks for something that can't be told without a real packet. */
  readonly isCertain: boolean;
  /** The command that takes this rule away, ready to paste; absent for policies that have another way. */
  readonly removal?: string;
}

/** What rules do to a packet at one hook. */
export interface Walk {
  readonly steps: readonly Step[];
  /** `unknown`: what decides asks for something that can't be told. */
  readonly verdict: 'accept' | 'drop' | 'unknown';
  /** The packet as it goes on. */
  readonly packet: Packet;
}
