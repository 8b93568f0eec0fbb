import { Argument, Command, Option } from 'commander';
import type { SandboxId, SandboxName } from '../../model/index.ts';
import type { Shell } from './completion/scripts.ts';
import { addExecutionFlags } from './run/execution-flags.ts';
import { repeatable } from './repeatable.ts';
import { addRunFlags } from './run/run-flags.ts';
import { addShapingFlags } from './run/shaping-flags.ts';
import { addStopFlags } from './run/stop-flags.ts';
import { addGlobalFlags } from './settings.ts';
import { version } from './version.ts';

// Each command is loaded when it is called: most need neither the HTTP server nor the store.
/** Every command with its arguments and flags; `start.ts` runs it. */
export const program = addGlobalFlags(new Command('tsnet'))
  .description('Container networks: driver for Docker, and a command line of its own')
  .version(version, '-V, --version')
  .showHelpAfterError('(tsnet --help lists the commands)')
  .exitOverride();

program
  .command('serve')
  .description('answer Docker as network and IPAM plugin')
  .option(
    '--socket <path>',
    'where the engine looks for the plugin',
    process.env['TSNET_SOCKET'] ?? '/run/docker/plugins/tsnet.sock',
  )
  .option('--log-level <level>', 'debug, info, warn or error', process.env['TSNET_LOG_LEVEL'] ?? 'info')
  .action(async (_, command: Command) => (await import('./commands/serve.ts')).serve(command));

const network = program.command('network').description('list, show, create and remove networks');
network
  .command('ls')
  .description('list networks')
  .action(async (_, command: Command) => (await import('./commands/network.ts')).list(command));
network
  .command('inspect <network>')
  .description('show a network and its endpoints as JSON')
  .action(async (name: string, _, command: Command) =>
    (await import('./commands/network.ts')).inspect(command, name),
  );
network
  .command('create <name>')
  .description('create a network that needs no engine')
  .addOption(repeatable('--subnet <range>', 'range in CIDR form; without one a free range is chosen'))
  .addOption(repeatable('--gateway <address>', "the bridge's own address in a subnet"))
  .option('--ip-range <range>', 'give addresses only from this part of the first subnet')
  .option('--internal', 'no way in or out')
  .addOption(repeatable('-o, --opt <key=value>', 'an option, as in docker network create'))
  .addOption(repeatable('--driver-opt <key=value>', 'the same').hideHelp())
  .action(async (name: string, _, command: Command) =>
    (await import('./commands/network-create.ts')).create(command, name),
  );
network
  .command('rm <network...>')
  .description('remove networks')
  .option('--force', 'also one that an engine created, with its endpoints')
  .action(async (names: string[], _, command: Command) =>
    (await import('./commands/network.ts')).remove(command, names),
  );

program
  .command('endpoint')
  .description('list endpoints')
  .command('ls')
  .description('list endpoints: addresses, interfaces, containers')
  .action(async (_, command: Command) => (await import('./commands/endpoint.ts')).list(command));

program
  .command('port [container]')
  .description('list published ports as they really are')
  .action(async (name: string | undefined, _, command: Command) =>
    (await import('./commands/port.ts')).list(command, name),
  );

const state = program.command('state').description('look at the records, and put them in order');
state
  .command('check')
  .description('look whether every file and every record is whole; exit status 1 when not')
  .action(async (_, command: Command) => (await import('./commands/state-check.ts')).check(command));
state
  .command('restore')
  .description('put damaged or lost records in order, from this boot or the last good copy')
  .option('--from <file>', 'use this copy')
  .action(async (_, command: Command) => (await import('./commands/state-check.ts')).restore(command));
state
  .command('dump')
  .description('print every record as JSON')
  .action(async (_, command: Command) => (await import('./commands/state.ts')).dump(command));

const prefixFlag = ['--prefix <folder>', 'folder that stands for /', '/'] as const;
const dryRunFlag = ['--dry-run', 'say what would be done, and do nothing'] as const;
const pluginDirFlag = ['--plugin-dir <folder>', 'where the runtime looks for plugins'] as const;
const installation = program.command('install').description('make this host use tsnet');
installation
  .command('docker')
  .description("let systemd listen for Docker and start tsnet, and add 'docker tsnet'")
  .option(...prefixFlag)
  .option('--socket <path>', 'where tsnet listens', '/run/docker/plugins/tsnet.sock')
  .option(...dryRunFlag)
  .action(async (_, command: Command) => (await import('./commands/install.ts')).installForDocker(command));
installation
  .command('cni')
  .description('put the CNI plugins tsnet and tsnet-ipam where runtimes look, and write a first network')
  .option(...prefixFlag)
  .option(...pluginDirFlag)
  .option('--no-conflist', 'the plugins only')
  .option('--default', "write the network although it becomes the node's default in the place of another")
  .option(...dryRunFlag)
  .action(async (_, command: Command) =>
    (await import('./commands/install.ts')).installForPlugins(command, 'cni'),
  );
installation
  .command('netavark')
  .description('put the netavark plugin tsnet where Podman looks')
  .option(...prefixFlag)
  .option(...pluginDirFlag)
  .option(...dryRunFlag)
  .action(async (_, command: Command) =>
    (await import('./commands/install.ts')).installForPlugins(command, 'netavark'),
  );
const removal = program.command('uninstall').description('take back what install did');
removal
  .command('docker')
  .description('stop tsnet and remove its files; networks stay')
  .option(...prefixFlag)
  .option('--purge', 'also remove all networks and records')
  .option('--force', 'purge even while containers use the networks')
  .option(...dryRunFlag)
  .action(async (_, command: Command) =>
    (await import('./commands/uninstall.ts')).uninstallForDocker(command),
  );
for (const kind of ['cni', 'netavark'] as const) {
  removal
    .command(kind)
    .description('remove the plugins; what they attached stays')
    .option(...prefixFlag)
    .option(...pluginDirFlag)
    .option(...dryRunFlag)
    .action(async (_, command: Command) =>
      (await import('./commands/uninstall.ts')).uninstallForPlugins(command, kind),
    );
}

addRunFlags(program.command('run <command...>'))
  .description('run a command in a network sandbox, with the flags of docker run')
  .action(async (words: string[], _, command: Command) =>
    (await import('./commands/run.ts')).run(command, words),
  );
addExecutionFlags(program.command('exec <sandbox> <command...>'))
  .description('run one more command in a sandbox')
  .option('-d, --detach', 'go on in the background; what it writes is lost')
  .option('-i, --interactive', "as in docker exec; the command always has tsnet's own input")
  .option('-t, --tty', "as in docker exec; the command always has tsnet's own terminal")
  .action(async (name: string, words: string[], _, command: Command) =>
    (await import('./commands/exec.ts')).exec(command, name, words),
  );
addStopFlags(program.command('stop <sandbox...>'))
  .description('end sandboxes: ask their commands to end, then kill them')
  .action(async (names: string[], _, command: Command) =>
    (await import('./commands/stop.ts')).stop(command, names),
  );
program
  .command('start <sandbox...>')
  .description('start sandboxes that have ended, with the same command, addresses and ports')
  .option('-a, --attach', 'wait for its end, with our input and output')
  .option('-i, --interactive', 'as in docker start; with -a the command always has our own input')
  .action(async (names: string[], _, command: Command) =>
    (await import('./commands/start.ts')).start(command, names),
  );
addStopFlags(program.command('restart <sandbox...>'))
  .description('stop sandboxes that run, and start them again')
  .action(async (names: string[], _, command: Command) =>
    (await import('./commands/start.ts')).restart(command, names),
  );
program
  .command('rm <sandbox...>')
  .description('remove sandboxes that have ended')
  .option('-f, --force', 'also those that run')
  .action(async (names: string[], _, command: Command) =>
    (await import('./commands/rm.ts')).remove(command, names),
  );
addShapingFlags(program.command('connect <network> <sandbox>'))
  .description('bring a sandbox into one more network')
  .option('--ip <address>', 'IPv4 address')
  .option('--ip6 <address>', 'IPv6 address')
  .option('--mac-address <address>', 'MAC address')
  .addOption(repeatable('--alias <name>', 'one more name in the network'))
  .action(async (network: string, sandbox: string, _, command: Command) =>
    (await import('./commands/connect.ts')).connect(command, network, sandbox),
  );
program
  .command('disconnect <network> <sandbox>')
  .description('take a sandbox out of a network')
  .action(async (network: string, sandbox: string, _, command: Command) =>
    (await import('./commands/disconnect.ts')).disconnect(command, network, sandbox),
  );
program
  .command('logs <sandbox>')
  .description('print what a sandbox has written that was started with -d')
  .option('-f, --follow', 'go on with what comes, until it ends')
  .option('-n, --tail <lines>', 'so many lines from the end, or all', 'all')
  .action(async (name: string, _, command: Command) =>
    (await import('./commands/logs.ts')).logs(command, name),
  );
program
  .command('__end <name> <id>', { hidden: true })
  .action(async (name: SandboxName, id: SandboxId, _, command: Command) =>
    (await import('./commands/run.ts')).end(command, name, id),
  );

program
  .command('ps')
  .description('list containers with their networks, addresses and ports as they really are')
  .option('-a, --all', 'also containers that do not run')
  .action(async (_, command: Command) => (await import('./commands/ps.ts')).list(command));

program
  .command('reconcile')
  .description('make the kernel hold what is recorded, and print what had to be changed')
  .option(...dryRunFlag)
  .action(async (_, command: Command) => (await import('./commands/reconcile.ts')).reconcile(command));

program
  .command('gc')
  .description('remove what the engine does not know any more, and sandboxes whose end nobody saw')
  .option(...dryRunFlag)
  .option('--older-than <seconds>', 'leave alone what is younger: it may be in creation', '30')
  .action(async (_, command: Command) => (await import('./commands/gc.ts')).collect(command));

program
  .command('snapshot')
  .description('write everything that inspect looks at into a file')
  .option('-o, --output <file>', 'where to; - for standard output', '-')
  .option('--all-rules', 'also the rules inside containers')
  .option('--no-engines', 'without names from container engines')
  .action(async (_, command: Command) => (await import('./commands/snapshot.ts')).snapshot(command));

program
  .command('doctor')
  .description('look for what is wrong with the networks of this host')
  .option('--snapshot <file>', "look into a file of 'tsnet snapshot' and not at this host")
  .option('--fix', 'repair what is of tsnet, as reconcile does; others are left alone')
  .action(async (_, command: Command) => (await import('./commands/doctor.ts')).doctor(command));

program
  .command('version')
  .description('print the versions of tsnet, Node and the kernel')
  .action(async (_, command: Command) => (await import('./commands/version.ts')).show(command));

program
  .command('capture')
  .description('record a flow on every interface that it crosses')
  .command('port <port>')
  .description('record what reaches a port, before and after its translation: 8088, 8088/udp, web:80')
  .option('-w, --write <file>', 'write pcapng; - means standard output')
  .option('--print', 'a line for each packet, a column for each interface; the default without --write')
  .option('-c, --count <packets>', 'end after so many; a packet counts once on all interfaces')
  .option('--for <seconds>', 'end after so long')
  .option('--size <bytes>', 'end before the file is larger; k, m and g are known', '256m')
  .addOption(repeatable('-i, --interface <name>', 'only this: hx0, host/hx0, web/eth0'))
  .action(async (port: string, _, command: Command) =>
    (await import('./commands/capture.ts')).capturePort(command, port),
  );

// The flags stand on the parent, so that each question knows them.
const inspector = program
  .command('inspect')
  .description('show what the kernel and the engines hold: without a name the whole host')
  .option('--snapshot <file>', "look into a file of 'tsnet snapshot' and not at this host")
  .option('--format <template>', "print with a Go template, such as '{{.Container}}'")
  .option('-w, --watch', 'print again at every change, until Ctrl-C')
  .configureHelp({ showGlobalOptions: true })
  .action(async (_, command: Command) => (await import('./commands/inspect.ts')).inspect(command));
inspector
  .command('veth [veth]')
  .description('which veth is which container: by veth, container, eth0@container, address, MAC or index')
  .option('-q, --quiet', 'print only the names of the veths')
  .action(async (name: string | undefined, _, command: Command) =>
    (await import('./commands/inspect-veth.ts')).inspectVeth(command, name),
  );
inspector
  .command('container <container>')
  .description('how a container got its network, and where each interface leads')
  .option('--docker', "as 'docker inspect' prints it, with a key Kernel in each network")
  .action(async (name: string, _, command: Command) =>
    (await import('./commands/inspect-container.ts')).inspectContainer(command, name),
  );
inspector
  .command('network <network>')
  .description('who is in a network, and through which veth')
  .option('--docker', "as 'docker network inspect' prints it, with a key Kernel in each container")
  .action(async (name: string, _, command: Command) =>
    (await import('./commands/inspect-network.ts')).inspectNetwork(command, name),
  );
inspector
  .command('bridge [bridge]')
  .description('ports, spanning tree and MAC table of bridges')
  .action(async (name: string | undefined, _, command: Command) =>
    (await import('./commands/inspect-bridge.ts')).inspectBridge(command, name),
  );
inspector
  .command('ip <address>')
  .description('who has an address or uses a range, and how the host gets there')
  .action(async (address: string, _, command: Command) =>
    (await import('./commands/inspect-ip.ts')).inspectIp(command, address),
  );
inspector
  .command('port <port>')
  .description('why a port answers or does not: 8088, 5353/udp, web:80 or 192.0.2.1:8088')
  .option('--from <origin>', 'lan, host, localhost or a container; default: lan and localhost')
  .option('--probe', 'connect for real, and follow the packet through the kernel; leaves nothing behind')
  .action(async (text: string, _, command: Command) =>
    (await import('./commands/inspect-port.ts')).port(command, text),
  );
inspector
  .command('netns [netns]')
  .description('all network namespaces and who is in them: by id, path or name')
  .action(async (name: string | undefined, _, command: Command) =>
    (await import('./commands/inspect-netns.ts')).inspectNetns(command, name),
  );

program
  .command('graph [name...]')
  .description('draw who is connected with whom; names of networks and containers choose a part')
  .addOption(
    new Option('--format <form>', 'how to draw').choices(['tree', 'mermaid', 'dot', 'svg']).default('tree'),
  )
  .option('--snapshot <file>', "look into a file of 'tsnet snapshot' and not at this host")
  .action(async (names: string[], _, command: Command) =>
    (await import('./commands/graph.ts')).graph(command, names),
  );
program
  .command('completion')
  .description('print a script that completes commands and names')
  .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
  .action(async (shell: Shell) => (await import('./commands/completion.ts')).printScript(shell));
program
  .command('__complete <words>', { hidden: true })
  .action(async (words: string, _, command: Command) =>
    (await import('./commands/completion.ts')).printCandidates(command, words),
  );
