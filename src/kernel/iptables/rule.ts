import { familyOf, type Ip, type IpFamily } from '../../model/ip.ts';
import type { IfName } from '../../model/names.ts';
import type { Port, Protocol } from '../../model/port.ts';
import type { Subnet } from '../../model/subnet.ts';

/** An interface, or with `+` at the end every interface whose name begins so. */
export type InterfacePattern = IfName | (string & { readonly __brand: 'InterfacePattern' });

/** The name of a chain, built in or our own. */
export type ChainName = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING' | `TSNET-${string}`;

/** What happens to a packet that matches. */
export type Target =
  | 'ACCEPT'
  | 'DROP'
  | 'RETURN'
  | 'MASQUERADE'
  | { readonly jump: ChainName }
  /** What that chain does not decide goes on where this chain was called. */
  | { readonly goto: ChainName }
  | { readonly address: Ip; readonly port: Port }
  | { readonly source: Ip };

/** A rule of ours: every match must hold. Made of checked values only, so that nothing can slip into the text. */
export interface Rule {
  readonly source?: Ip | Subnet;
  readonly destination?: Ip | Subnet;
  readonly notDestination?: Ip | Subnet;
  readonly inInterface?: InterfacePattern;
  readonly outInterface?: InterfacePattern;
  readonly notOutInterface?: InterfacePattern;
  readonly protocol?: Protocol;
  /** Whether it is an echo request of ICMP in that family; in place of `protocol`. */
  readonly echoRequest?: IpFamily;
  /** Whether it is a redirect of ICMP for IPv4; in place of `protocol`. */
  readonly isRedirect?: boolean;
  /** Needs `protocol`. */
  readonly destinationPort?: Port;
  /** Whether the destination is an address of the host. */
  readonly isForHost?: boolean;
  /** `known`: belongs to or is caused by a known connection; `dnat`: its destination was translated. */
  readonly connection?: 'known' | 'dnat';
  /** At most 255 bytes, no control characters. Source: Linux xt_comment.h, XT_MAX_COMMENT_LEN. */
  readonly comment?: string;
  readonly target: Target;
}

/** Every interface whose name begins with `prefix`. */
export function interfacesNamed(prefix: IfName): InterfacePattern {
  return `${prefix}+` as InterfacePattern;
}

/** A rule as the arguments after `-A CHAIN`, in the order and spelling of iptables-save(8). */
export function ruleArguments(rule: Rule): string[] {
  const { protocol, destinationPort, connection, comment } = rule;
  return [
    ...option('-s', withPrefix(rule.source)),
    ...option('-d', withPrefix(rule.destination)),
    ...(rule.notDestination === undefined ? [] : ['!', '-d', withPrefix(rule.notDestination) ?? '']),
    ...option('-i', rule.inInterface),
    ...option('-o', rule.outInterface),
    ...(rule.notOutInterface === undefined ? [] : ['!', '-o', rule.notOutInterface]),
    ...option('-p', protocol),
    ...(protocol === undefined || destinationPort === undefined
      ? []
      : ['-m', protocol, '--dport', String(destinationPort)]),
    ...(rule.echoRequest === undefined ? [] : echoMatches[rule.echoRequest]),
    ...(rule.isRedirect === true ? ['-p', 'icmp', '-m', 'icmp', '--icmp-type', '5'] : []),
    ...(rule.isForHost === true ? ['-m', 'addrtype', '--dst-type', 'LOCAL'] : []),
    ...(connection === undefined ? [] : ['-m', 'conntrack', '--ctstate', connectionStates[connection]]),
    ...(comment === undefined ? [] : ['-m', 'comment', '--comment', comment]),
    ...targetArguments(rule.target),
  ];
}

/** An argument as it must stand in the input of iptables-restore(8). */
export function quoteArgument(argument: string): string {
  return /^[\w!./:,+=@%^[\]-]+$/.test(argument) ? argument : `"${argument.replaceAll(/(["\\])/g, '\\$1')}"`;
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}

const connectionStates = { known: 'RELATED,ESTABLISHED', dnat: 'DNAT' } as const;

/** Source: IANA ICMP and ICMPv6 type numbers. */
const echoMatches: Readonly<Record<IpFamily, readonly string[]>> = {
  4: ['-p', 'icmp', '-m', 'icmp', '--icmp-type', '8'],
  6: ['-p', 'ipv6-icmp', '-m', 'icmp6', '--icmpv6-type', '128'],
};

function targetArguments(target: Target): string[] {
  if (typeof target === 'string') return ['-j', target];
  if ('jump' in target) return ['-j', target.jump];
  if ('goto' in target) return ['-g', target.goto];
  if ('source' in target) return ['-j', 'SNAT', '--to-source', target.source];
  const address = target.address.includes(':') ? `[${target.address}]` : target.address;
  return ['-j', 'DNAT', '--to-destination', `${address}:${target.port}`];
}

const hostPrefixes: Readonly<Record<IpFamily, number>> = { 4: 32, 6: 128 };

function withPrefix(range: Ip | Subnet | undefined): string | undefined {
  if (range === undefined || range.includes('/')) return range;
  return `${range}/${hostPrefixes[familyOf(range as Ip)]}`;
}
