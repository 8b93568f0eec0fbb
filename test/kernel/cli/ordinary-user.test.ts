import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNetns, type Netns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
/** `nobody`, who may do nothing. */
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let host: Netns;
let folder: string;
let stateDirectory: string;
let runDirectory: string;

beforeAll(async () => {
  host = await createNetns('cli-nobody');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-nobody-'));
  chmodSync(folder, 0o755);
  stateDirectory = join(folder, 'state');
  runDirectory = mkdtempSync('/dev/shm/tsnet-nobody-');
  const made = await tsnet([], 'network', 'create', 'lab', '--subnet=10.66.0.0/24');
  expect(made).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await tsnet([], 'network', 'rm', 'lab');
  for (const path of [folder, runDirectory]) rmSync(path, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

describe('an ordinary user', () => {
  it.each([
    ['network', 'ls'],
    ['network', 'inspect', 'lab'],
    ['network', 'create', 'other'],
    ['network', 'rm', 'lab'],
    ['ps'],
    ['ps', '-a'],
    ['port'],
    ['port', 'web'],
    ['endpoint', 'ls'],
    ['state', 'dump'],
    ['logs', 'web'],
    ['reconcile'],
    ['reconcile', '--dry-run'],
    ['gc'],
    ['gc', '--dry-run'],
    ['stop', 'web'],
    ['start', 'web'],
    ['rm', 'web'],
    ['connect', 'lab', 'web'],
    ['disconnect', 'lab', 'web'],
    ['serve'],
  ])('is told that the records may not be read: %s %s', async (...words) => {
    const asked = await tsnet(asNobody, ...words.filter((word) => word !== undefined));
    expect(asked).toMatchObject({ code: 77, stdout: '' });
    expect(asked.stderr).toMatch(/^tsnet: open state[^\n]*EACCES[^\n]*\nhint: run as root\n$/);
  });

  it.each([
    ['run', '--network', 'lab', '--', 'true'],
    ['exec', 'web', '--', 'true'],
  ])('is told so by %s as well, with its own status', async (...words) => {
    const asked = await tsnet(asNobody, ...words);
    expect(asked.code).toBe(125);
    expect(asked.stderr).toContain('EACCES');
    expect(asked.stderr).toContain('run as root');
  });

  it('gets no tick from the doctor for what could not be read', async () => {
    const asked = await tsnet(asNobody, 'doctor');
    expect(asked.code).toBe(77);
    expect(asked.stdout).toContain('? nothing was found in what could be read');
    expect(asked.stdout).not.toContain('✓');
    expect(asked.stderr).toContain('not read: records of tsnet: ');
    const json = await tsnet(asNobody, 'doctor', '--json');
    expect(json.code).toBe(77);
    const { gaps } = JSON.parse(json.stdout) as { gaps: { what: string }[] };
    expect(gaps.map(({ what }) => what)).toContain('records of tsnet');
  });

  it('gets an error and no stack below a folder that may not be looked into', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const below = { TSNET_STATE_DIR: join(closed, 'a/state'), TSNET_RUN_DIR: join(closed, 'a/run') };
    for (const words of [
      ['network', 'ls'],
      ['network', 'create', 'x'],
      ['reconcile'],
      ['serve', `--socket=${closed}/s`],
    ]) {
      const asked = await run([...asNobody, program, ...words], below);
      expect(asked).toMatchObject({ code: 77, stdout: '' });
      expect(asked.stderr).toMatch(/^tsnet: [^\n]*EACCES[^\n]*\nhint: run as root\n$/);
    }
  });
});

describe('folders for records and locks', () => {
  it.each([
    ['TSNET_STATE_DIR', 0o700, 65_534],
    ['TSNET_RUN_DIR', 0o700, 65_534],
    ['TSNET_STATE_DIR', 0o777, 0],
    ['TSNET_RUN_DIR', 0o770, 0],
  ] as const)('are refused where others may write: %s %o of user %i', async (name, mode, user) => {
    const foreign = mkdtempSync(join(folder, 'foreign-'));
    chmodSync(foreign, mode);
    await host.exec('chown', String(user), foreign);
    const environment = { [name]: foreign };
    const made = await run([program, 'network', 'create', 'x'], environment);
    expect(made).toMatchObject({ code: 77, stdout: '' });
    expect(made.stderr).toContain(`${foreign}: it belongs to user ${user} and has mode 0${mode.toString(8)}`);
  });

  it('are made for the user alone, whatever the umask', async () => {
    const umask = mkdtempSync(join(folder, 'umask-'));
    const [state, runtime, socket] = ['state', 'run', 'plugins/tsnet.sock'].map((name) => join(umask, name));
    // umask(1) is a builtin; `timeout` ends the daemon once it listens.
    const script = 'umask 000; exec timeout --preserve-status 3 "$@"';
    const served = await run(
      ['sh', '-c', script, 'sh', program, 'serve', `--socket=${socket}`],
      { TSNET_STATE_DIR: state as string, TSNET_RUN_DIR: runtime as string },
      ['find', umask, '-perm', '/022', '-printf', '%m %p\n'],
    );
    expect(served.stdout).toBe('');
  }, 30_000);
});

function tsnet(as: readonly string[], ...words: readonly string[]): Promise<Ended> {
  return run([...as, program, ...words], {});
}

/** @param look what is run while the command is at work: then its output is given */
async function run(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  look?: readonly string[],
): Promise<Ended> {
  const env = {
    ...process.env,
    TSNET_STATE_DIR: stateDirectory,
    TSNET_RUN_DIR: runDirectory,
    ...environment,
  };
  const running = start(['nsenter', `--net=${host.path}`, ...command], env);
  if (look === undefined) return running;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const seen = await start(look, env);
  await running;
  return seen;
}

function start([file = '', ...rest]: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(file, rest, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
