import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bootId } from '../../../src/kernel/proc/index.ts';
import { endpointIdOf } from '../../../src/run/index.ts';
import { State } from '../../../src/state/index.ts';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
let state: State;
beforeAll(async () => {
  host = await createSandboxHost();
  for (const name of ['lab', 'dmz']) await host.succeed('network', 'create', name);
  const directory = join(host.folder, 'state');
  state = State.open({ directory, runDirectory: join(host.folder, 'run'), bootId: bootId(), readOnly: true });
});
afterAll(async () => {
  state[Symbol.dispose]();
  await host[Symbol.asyncDispose]();
});
afterEach(async () => {
  const names = sandboxes().map(({ name }) => name);
  if (names.length > 0) await host.succeed('rm', '-f', ...names);
  await eventually(async () => expect(await host.leftovers()).toEqual([]));
});

const sandboxes = () => state.read((view) => view.sandboxes());
const run = (name: string, ...flags: string[]) =>
  host.succeed('run', '-d', '--name', name, ...flags, '--', 'sleep', '60');

/** Starts a command and kills it at the first moment at which something is so. @returns whether that came */
async function killWhen(isSo: () => boolean, ...args: string[]): Promise<boolean> {
  const child = host.start(args, 'ignore');
  const ended = once(child, 'exit');
  while (child.exitCode === null && !isSo()) await turn();
  const isCaught = child.exitCode === null;
  child.kill('SIGKILL');
  await ended;
  return isCaught;
}

/** The networks that the only sandbox is in by its record, and those in which it has an interface. */
function networksOf(): { recorded: (string | undefined)[]; attached: (string | undefined)[] } {
  return state.read((view) => {
    const [sandbox] = view.sandboxes();
    if (sandbox === undefined) throw new Error('there is none');
    const nameOf = (id: Parameters<typeof view.network>[0]) => view.network(id)?.name;
    return {
      recorded: sandbox.networks.map(({ id }) => nameOf(id)),
      attached: view
        .networks()
        .flatMap(({ id }) =>
          view.endpoint(id, endpointIdOf(sandbox.id, id)) === undefined ? [] : [nameOf(id)],
        ),
    };
  });
}

async function expectInOrder(): Promise<void> {
  const { recorded, attached } = networksOf();
  expect(new Set(recorded)).toEqual(new Set(attached));
  expect(state.unfinished()).toEqual([]);
  expect(await host.succeed('reconcile', '--dry-run')).toBe('');
}

it('a removal that was killed while it unpinned the namespace is finished by the next one', async () => {
  await run('web', '--network', 'lab');
  await host.exec('umount', '--lazy', '/run/netns/web');
  expect(await host.exec('ls', '/run/netns')).toContain('web');
  await host.succeed('rm', '-f', 'web');
  expect(await host.exec('ls', '/run/netns')).not.toContain('web');
});

it('what was begun of a separated network that never came to be does not stay', async () => {
  const tables = () => host.exec('nft', 'list', 'tables');
  for (const word of ['gc', 'reconcile']) {
    await host.exec('nft', 'add table bridge tsnet { comment "begun"; }');
    expect(await tables()).toContain('bridge tsnet');
    await host.succeed(word);
    expect(await tables()).not.toContain('bridge tsnet');
  }
});

describe('a connect that is killed', () => {
  it('in the middle of its work is taken back or completed by the next command, whichever', async () => {
    await run('web', '--network', 'lab', '-p', '8080:80');
    await run('other', '--network', 'none');
    let caught = 0;
    for (let tries = 0; tries < 12 && caught < 3; tries += 1) {
      const isMidway = () => Object.keys(state.dump()).some((key) => key.includes('journal/'));
      if (await killWhen(isMidway, 'connect', 'dmz', 'web')) caught += 1;
      await host.succeed('stop', 'other');
      await host.succeed('rm', 'other');
      await expectInOrder();
      await run('other', '--network', 'none');
      if (networksOf().recorded.includes('dmz')) await host.succeed('disconnect', 'dmz', 'web');
    }
    expect(caught).toBeGreaterThan(0);
    expect(await host.succeed('port', 'web')).toContain('0.0.0.0:8080');
  });

  it('before its work has begun is forgotten, and so is a disconnect after it', async () => {
    await run('web', '--network', 'lab', '-p', '8080:80');
    const isRecorded = () => networksOf().recorded.length === 2;
    // Nobody gets to the network meanwhile.
    const id = state.read((view) => view.networks().find(({ name }) => name === 'dmz')?.id) ?? '';
    const holder = host.startProgram([
      'flock',
      join(host.folder, 'run/locks', id),
      'sh',
      '-c',
      'echo; exec sleep 60',
    ]);
    await once(holder.stdout as NodeJS.ReadableStream, 'data');
    expect(await killWhen(isRecorded, 'connect', 'dmz', 'web')).toBe(true);
    const released = once(holder, 'exit');
    await host.exec('pkill', '-P', String(holder.pid)).catch(() => {});
    holder.kill('SIGKILL');
    await released;
    expect(networksOf()).toEqual({ recorded: ['lab', 'dmz'], attached: ['lab'] });
    await host.succeed('disconnect', 'lab', 'web');
    expect(networksOf()).toEqual({ recorded: [], attached: [] });
    await host.succeed('connect', 'dmz', 'web');
    expect(await host.succeed('port', 'web')).toContain('0.0.0.0:8080');
    const hasLeft = () => networksOf().attached.length === 0;
    while (!(await killWhen(hasLeft, 'disconnect', 'dmz', 'web')))
      await host.succeed('connect', 'dmz', 'web');
    await host.succeed('connect', 'lab', 'web');
    await expectInOrder();
  });
});

describe('the daemon', () => {
  it('ends at its start what nobody saw ending', async () => {
    await run('kept', '--network', 'lab');
    await run('gone', '--rm', '--network', 'lab');
    await run('alive', '--network', 'lab');
    for (const { name, process: command } of sandboxes()) {
      const stat = readFileSync(`/proc/${command?.pid}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (name !== 'alive') process.kill(parent, 'SIGKILL');
    }
    const daemon = host.start(['serve', '--socket', join(host.folder, 'plugin.sock')], 'ignore');
    const ended = once(daemon, 'exit');
    await eventually(async () => {
      expect(sandboxes().map(({ name, end }) => [name, end !== undefined])).toEqual([
        ['alive', false],
        ['kept', true],
      ]);
      expect(await host.exec('ls', '/run/netns')).toBe('alive');
    });
    daemon.kill('SIGTERM');
    await ended;
  });
});
