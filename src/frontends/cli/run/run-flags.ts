import type { Command } from 'commander';
import {
  invalid,
  parseIp,
  parseSandboxName,
  TsnetError,
  type ExposedPort,
  type PortRequest,
} from '../../../model/index.ts';
import type { NetworkMode, RunRequest } from '../../../run/index.ts';
import { addExecutionFlags, readExecution, type ExecutionFlags } from './execution-flags.ts';
import { parseHostFlag, parseHostname, parseLinkFlag } from './parse-name-flags.ts';
import { parseNetworkFlags, reasons, type NetworkFlags } from './parse-network-flag.ts';
import { parseExposeFlag, parsePortFlag } from './parse-port-flag.ts';
import { repeatable } from '../repeatable.ts';
import { addShapingFlags } from './shaping-flags.ts';

interface Flags extends NetworkFlags, ExecutionFlags {
  readonly name?: string;
  readonly hostname?: string;
  readonly net?: readonly string[];
  readonly networkAlias?: readonly string[];
  readonly netAlias?: readonly string[];
  readonly publish?: readonly string[];
  readonly publishAll?: boolean;
  readonly expose?: readonly string[];
  readonly link?: readonly string[];
  readonly addHost?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOption?: readonly string[];
  readonly dnsOpt?: readonly string[];
  readonly rm?: boolean;
  readonly detach?: boolean;
}

/** Gives a command the flags of `docker run` that speak of networks. */
export function addRunFlags(command: Command): Command {
  command
    .option('--name <name>', 'what others find it by; default: the beginning of its id')
    .addOption(
      repeatable(
        '--network <network>',
        'bridge, none, host, container:NAME or a network; NETWORK:ip=…,mac=…,rate=…',
      ),
    )
    .addOption(repeatable('--net <network>', 'the same').hideHelp())
    .option('--ip <address>', 'IPv4 address in the first network')
    .option('--ip6 <address>', 'IPv6 address in the first network')
    .option('--mac-address <address>', 'MAC address in the first network')
    .addOption(repeatable('--network-alias <name>', 'one more name in the first network'))
    .addOption(repeatable('--alias <name>', 'the same'))
    .addOption(repeatable('--net-alias <name>', 'the same').hideHelp());
  addShapingFlags(command, ' in the first network')
    .addOption(repeatable('-p, --publish <ports>', '[ADDRESS:][HOST-PORT:]PORT[/udp], also ranges'))
    .option('-P, --publish-all', 'publish all exposed ports at free ports of the host')
    .addOption(repeatable('--expose <ports>', 'what the command listens on'))
    .addOption(repeatable('--link <name:alias>', 'one more name for another sandbox'))
    .option('-h, --hostname <name>', 'default: the name')
    .addOption(repeatable('--add-host <name:address>', 'a line for /etc/hosts; host-gateway is the host'))
    .addOption(repeatable('--dns <address>', "name server, in place of the host's"))
    .addOption(repeatable('--dns-search <domain>', 'search domain; . means none'))
    .addOption(repeatable('--dns-option <option>', 'option of resolv.conf'))
    .addOption(repeatable('--dns-opt <option>', 'the same').hideHelp());
  return addExecutionFlags(command)
    .option('-d, --detach', 'go on in the background, and print the id')
    .option('--rm', 'keep nothing when it has ended')
    .option('-i, --interactive', "as in docker run; the command always has tsnet's own input")
    .option('-t, --tty', "as in docker run; the command always has tsnet's own terminal")
    .helpOption('--help', 'display help for command');
}

/** What a command line asks for. @throws invalid-input; conflict for flags that exclude each other */
export function readRunRequest(command: Command, words: readonly string[]): RunRequest {
  const flags = command.opts<Flags>();
  if (words.length === 0) throw invalid('command', undefined, 'a command to run, as in tsnet run -- sh');
  const network = all(flags.network, flags.net);
  const alias = all(flags.networkAlias, flags.alias, flags.netAlias);
  const mode = parseNetworkFlags({
    ...flags,
    ...(network.length === 0 ? {} : { network }),
    ...(alias.length === 0 ? {} : { alias }),
  });
  refuseContradictions(mode, flags);
  const exposed = all(flags.expose).flatMap(parseExposeFlag);
  const published = all(flags.publish).flatMap(parsePortFlag);
  return {
    ...(flags.name === undefined ? {} : { name: parseSandboxName(flags.name) }),
    ...(flags.hostname === undefined ? {} : { hostname: parseHostname(flags.hostname) }),
    command: words,
    ...readExecution(flags),
    mode,
    ports: sorted(flags.publishAll === true ? withExposed(published, exposed) : published),
    exposed,
    links: all(flags.link).map(parseLinkFlag),
    hosts: all(flags.addHost).map(parseHostFlag),
    dns: {
      servers: all(flags.dns).map((text) => parseIp(text, '--dns')),
      searches: all(flags.dnsSearch).map((text) => parseWord(text, '--dns-search')),
      options: all(flags.dnsOption, flags.dnsOpt).map((text) => parseWord(text, '--dns-option')),
    },
    isRemovedAtEnd: flags.rm === true,
    isDetached: flags.detach === true,
  };
}

/**
 * Source: moby daemon/pkg/runconfig hostconfig_unix.go. Docker drops published ports in the host's namespace with a warning;
 * here that is an error as well. It refuses `--expose` in another container's namespace; here that tells of a clash.
 */
function refuseContradictions(mode: NetworkMode, flags: Flags): void {
  if (mode.kind === 'networks') return;
  const named = mode.kind === 'sandbox' ? `container:${mode.name}` : mode.kind;
  const given: [string, unknown][] = [
    ['-p', flags.publish],
    ['-P', flags.publishAll],
    ['--link', flags.link],
    ...(mode.kind === 'sandbox'
      ? ([
          ['--hostname', flags.hostname],
          ['--add-host', flags.addHost],
          ['--dns', flags.dns],
          ['--dns-search', flags.dnsSearch],
          ['--dns-option', flags.dnsOption ?? flags.dnsOpt],
        ] as [string, unknown][])
      : []),
  ];
  const stray = given.find(([, value]) => value !== undefined);
  if (stray === undefined) return;
  const [flag] = stray;
  throw new TsnetError(
    'invalid-input',
    `${flag} and --network ${named} exclude each other: ${reasons[mode.kind]}`,
    {
      subject: flag,
      ...(mode.kind === 'host' && flag.toLowerCase() === '-p'
        ? { hint: 'what the command listens on is open at the host itself' }
        : {}),
    },
  );
}

function withExposed(ports: readonly PortRequest[], exposed: readonly ExposedPort[]): PortRequest[] {
  const isPublished = (one: ExposedPort) =>
    ports.some(({ protocol, containerPort }) => protocol === one.protocol && containerPort === one.port);
  return [
    ...ports,
    ...exposed
      .filter((one) => !isPublished(one))
      .map(({ protocol, port }): PortRequest => ({ protocol, containerPort: port })),
  ];
}

/** Fixed ports first: a range must not take what another flag needs. */
function sorted(ports: readonly PortRequest[]): PortRequest[] {
  const width = ({ hostPorts }: PortRequest) =>
    hostPorts === undefined ? 0x10000 : hostPorts.last - hostPorts.first;
  return [...ports].sort(
    (one, other) => width(one) - width(other) || one.containerPort - other.containerPort,
  );
}

function all(...lists: readonly (readonly string[] | undefined)[]): string[] {
  return lists.flatMap((list) => list ?? []);
}

/** A word that can't end its line. */
function parseWord(text: string, field: string): string {
  if (!/^[^\s#;\p{Cc}]{1,253}$/u.test(text)) throw invalid(field, text, 'one word');
  return text;
}
