import { Command, CommanderError } from 'commander';
import { printable, toTsnetError, type TsnetError } from '../../model/index.ts';
import { exitCodes } from './exit-codes.ts';
import { printJson } from './print.ts';
import { addGlobalFlags } from './settings.ts';
import { version } from './version.ts';

// Each command is loaded when it is called: most need neither the HTTP server nor the store.
const program = addGlobalFlags(new Command('tsnet'))
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
  .option('--subnet <range...>', 'range in CIDR form; without one a free range is chosen')
  .option('--gateway <address...>', "the bridge's own address in a subnet")
  .option('--ip-range <range>', 'give addresses only from this part of the first subnet')
  .option('--internal', 'no way in or out')
  .option('-o, --opt <key=value...>', 'options, as in docker network create')
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

program
  .command('state')
  .description('look at the records')
  .command('dump')
  .description('print every record as JSON')
  .action(async (_, command: Command) => (await import('./commands/state.ts')).dump(command));

const prefixFlag = ['--prefix <folder>', 'folder that stands for /', '/'] as const;
const dryRunFlag = ['--dry-run', 'say what would be done, and do nothing'] as const;
program
  .command('install')
  .description('make this host use tsnet')
  .command('docker')
  .description("let systemd listen for Docker and start tsnet, and add 'docker tsnet'")
  .option(...prefixFlag)
  .option('--socket <path>', 'where tsnet listens', '/run/docker/plugins/tsnet.sock')
  .option(...dryRunFlag)
  .action(async (_, command: Command) => (await import('./commands/install.ts')).installForDocker(command));
program
  .command('uninstall')
  .description('take back what install did')
  .command('docker')
  .description('stop tsnet and remove its files; networks stay')
  .option(...prefixFlag)
  .option('--purge', 'also remove all networks and records')
  .option('--force', 'purge even while containers use the networks')
  .option(...dryRunFlag)
  .action(async (_, command: Command) =>
    (await import('./commands/uninstall.ts')).uninstallForDocker(command),
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
  .description('remove what the engine does not know any more')
  .option(...dryRunFlag)
  .option('--older-than <seconds>', 'leave alone what is younger: it may be in creation', '30')
  .action(async (_, command: Command) => (await import('./commands/gc.ts')).collect(command));

program
  .command('version')
  .description('print the versions of tsnet, Node and the kernel')
  .action(async (_, command: Command) => (await import('./commands/version.ts')).show(command));

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = report(thrown);
}

function report(thrown: unknown): number {
  // Commander has printed its own errors and help by now.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes['invalid-input'];
  const error = toTsnetError(thrown);
  if (program.opts<{ json?: boolean }>().json === true) printJson({ error: describe(error) });
  process.stderr.write(`tsnet: ${printable(error.message)}\n`);
  if (error.hint !== undefined) process.stderr.write(`hint: ${printable(error.hint)}\n`);
  if (error.kind === 'bug' && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack ?? ''}\n`);
  return exitCodes[error.kind];
}

function describe({ kind, message, hint, errno }: TsnetError): object {
  return { kind, message, hint, errno };
}
