import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addRunFlags, readRunRequest } from '../../../../../src/frontends/cli/run/run-flags.ts';
import { separateCommand, wrapsCommand } from '../../../../../src/frontends/cli/run/separate-command.ts';
import { addGlobalFlags } from '../../../../../src/frontends/cli/settings.ts';
import type { RunRequest } from '../../../../../src/run/index.ts';

function programWith(action: (request: RunRequest) => void): Command {
  const program = addGlobalFlags(new Command('tsnet'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  addRunFlags(program.command('run <command...>')).action((words: string[], _, command: Command) =>
    action(readRunRequest(command, words)),
  );
  program
    .command('exec <sandbox> <command...>')
    .option('-i, --interactive')
    .action(() => {});
  program
    .command('ps')
    .option('-a, --all')
    .action(() => {});
  return program;
}

function read(...words: string[]): RunRequest {
  let request: RunRequest | undefined;
  const program = programWith((one) => (request = one));
  program.parse(separateCommand(program, ['run', ...words]), { from: 'user' });
  if (request === undefined) throw new Error('not called');
  return request;
}

describe('tsnet run', () => {
  it('without flags is a sandbox in the default network', () => {
    expect(read('sh')).toEqual({
      command: ['sh'],
      environment: [],
      mode: { kind: 'networks', wishes: [{ network: 'bridge', ips: [], aliases: [] }] },
      ports: [],
      exposed: [],
      links: [],
      hosts: [],
      dns: { servers: [], searches: [], options: [] },
      isRemovedAtEnd: false,
      isDetached: false,
    });
  });

  it('takes its flags in all forms, and leaves those of the command alone', () => {
    const request = read(
      '-itd',
      '--rm',
      '--name=web',
      '-p8080:80',
      '-p',
      '81',
      '--alias',
      'a',
      '--net-alias=b',
      'serve',
      '-p',
      '1',
      '--rm',
    );
    expect(request).toMatchObject({
      name: 'web',
      isDetached: true,
      isRemovedAtEnd: true,
      command: ['serve', '-p', '1', '--rm'],
    });
    expect(request.ports.map(({ containerPort }) => containerPort)).toEqual([80, 81]);
    expect(request.mode).toMatchObject({ wishes: [{ aliases: ['a', 'b'] }] });
  });

  it('publishes what is exposed once, after what has a port already', () => {
    const { ports } = read(
      '-P',
      '--expose',
      '80',
      '--expose',
      '90-91/udp',
      '-p',
      '9000-9005:81',
      '-p',
      '8080:80',
      'x',
    );
    expect(ports.map(({ containerPort }) => containerPort)).toEqual([80, 81, 90, 91]);
    expect(ports.at(-1)).toEqual({ protocol: 'udp', containerPort: 91 });
  });

  it('adds lines and links', () => {
    const flags = [
      '--add-host',
      'a:10.1.1.1',
      '--add-host',
      'b=[fd00::1]',
      '--add-host',
      'c:fd00::2',
      '--add-host',
      'up:host-gateway',
    ];
    expect(read(...flags, '--link', 'db', '--link', 'db:store', 'x')).toMatchObject({
      hosts: [
        { name: 'a', ip: '10.1.1.1' },
        { name: 'b', ip: 'fd00::1' },
        { name: 'c', ip: 'fd00::2' },
        { name: 'up', ip: 'host-gateway' },
      ],
      links: [
        { name: 'db', alias: 'db' },
        { name: 'db', alias: 'store' },
      ],
    });
  });

  it.each([
    [['--net', 'host', '-p', '80'], '-p and --network host exclude each other'],
    [['--net', 'host', '-P'], '-P and --network host exclude each other'],
    [['--net', 'none', '--link', 'db'], '--link and --network none exclude each other'],
    [['--net', 'container:a', '--hostname', 'x'], '--hostname and --network container:a exclude each other'],
    [['--net', 'container:a', '--add-host', 'a:1.1.1.1'], '--add-host and --network container:a'],
    [['--net', 'container:a', '--dns', '1.1.1.1'], '--dns and --network container:a'],
    [['--hostname', '-x'], '--hostname: "-x" is not allowed'],
    [['--name', 'a/b'], '--name: "a/b" is not allowed'],
    [['--add-host', 'a'], '--add-host: "a" is not allowed'],
    [['--add-host', 'a:b'], '--add-host: "b" is not allowed'],
    [['--link', 'a:b:c'], '--link: "a:b:c" is not allowed'],
    [['--dns', 'ns'], '--dns: "ns" is not allowed'],
    [['--dns-search', 'a\nnameserver 1.1.1.1'], '--dns-search: '],
  ])('refuses %j', (flags, message) => {
    expect(() => read(...flags, 'x')).toThrow(message);
  });

  it('may share the ports of another and say which it needs', () => {
    expect(read('--network', 'container:web', '--expose', '80', 'x').exposed).toEqual([
      { protocol: 'tcp', port: 80 },
    ]);
  });
});

describe('the words of a command that is executed', () => {
  const program = programWith(() => {});

  it.each([
    [
      ['run', 'ls', '-l'],
      ['run', '--', 'ls', '-l'],
    ],
    [
      ['run', '--', 'ls'],
      ['run', '--', 'ls'],
    ],
    [
      ['--json', 'run', '--rm', 'ls', '--json'],
      ['--json', 'run', '--rm', '--', 'ls', '--json'],
    ],
    [
      ['--run-dir', 'run', 'ps', '-a'],
      ['--run-dir', 'run', 'ps', '-a'],
    ],
    [
      ['exec', '-i', 'web', 'ls', '-l'],
      ['exec', '-i', 'web', '--', 'ls', '-l'],
    ],
    [
      ['exec', 'web'],
      ['exec', 'web'],
    ],
    [
      ['run', '-itp', '80', 'x', '-y'],
      ['run', '-itp', '80', '--', 'x', '-y'],
    ],
    [
      ['run', '-', 'x'],
      ['run', '--', '-', 'x'],
    ],
  ])('%j become %j', (given, separated) => {
    expect(separateCommand(program, given)).toEqual(separated);
  });

  it.each([
    [['run', 'x'], true],
    [['--run-dir', '/x', 'exec', 'x'], true],
    [['--run-dir', 'run', 'ps'], false],
    [[], false],
  ])('%j has its own exit status: %s', (words, wraps) => {
    expect(wrapsCommand(program, words)).toBe(wraps);
  });
});
