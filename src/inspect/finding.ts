/** Something that is wrong or surprising, with what it rests on. The same in every command and in JSON. */
export interface Finding {
  /** Part of the contract and never renamed, such as `firewall.user-drop`. `findings.md` lists them. */
  readonly code: string;
  /** `error`: does not work; `warning`: works otherwise than expected; `note`: so by design. */
  readonly severity: 'error' | 'warning' | 'note';
  /** Whether the facts leave no other explanation. */
  readonly isCertain: boolean;
  /** What it is about: `container web`, `link veth0b1c2d3`, `port 8088/tcp`. */
  readonly subject: string;
  /** One sentence that names object and fact. */
  readonly message: string;
  readonly evidence: readonly Evidence[];
  /** Commands that mend it, ready to paste, in their order; empty where only the user can decide. */
  readonly fix: readonly string[];
  /** What to do where no command helps, and what a command also does. */
  readonly hint?: string;
}

/** A fact and where it was read. */
export interface Evidence {
  /** Such as `rtnetlink`, `nft`, `iptables-nft`, `sock_diag`, `conntrack`, `sysctl`, `docker`. */
  readonly source: string;
  /** Which object: `net:4026531840 link br-app`, `ip filter DOCKER-USER rule 1`. */
  readonly object: string;
  readonly fact: string;
}
