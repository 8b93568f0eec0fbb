import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
  const flags = ['-e', 'COLOUR=red', '-u', 'nobody', '-w', '/usr'];
  await host.succeed('run', '-d', '--name', 'box', '--network', 'none', ...flags, '--', 'sleep', '60');
});
afterAll(async () => {
  await host.succeed('rm', '-f', 'box');
  await host[Symbol.asyncDispose]();
});

const sh = (script: string) => ['sh', '-c', script];
const run = async (...words: string[]) =>
  (await host.succeed('run', '--rm', '--network', 'none', ...words)).trim();
const exec = async (flags: string[], script: string) =>
  (await host.succeed('exec', ...flags, 'box', '--', ...sh(script))).trim();

describe('a command begins', () => {
  it('as the user, in the folder and with the variables that were said', async () => {
    const script = 'echo $(id -u):$(id -g):$(id -G) $PWD $HOME $A-$B; grep CapEff /proc/self/status';
    const flags = ['-u', 'daemon:nogroup', '-w', '/var/tmp', '-e', 'A=1', '--env', 'B=x y'];
    expect(await run(...flags, '--', ...sh(script))).toBe(
      '1:65534:65534 /var/tmp /usr/sbin 1-x y\nCapEff:\t0000000000000000',
    );
    expect(await run('-u', '4242', '-e', 'HOME=/tmp', '--', ...sh('echo $(id -u):$(id -g) $HOME'))).toBe(
      '4242:0 /tmp',
    );
  });

  it('with a variable of ours that is only named, and with none that does not exist', async () => {
    const flags = ['-e', 'TSNET_RUN_DIR', '-e', 'NOT_THERE'];
    expect(await run(...flags, '--', ...sh('echo ${TSNET_RUN_DIR##*/} ${NOT_THERE-unset}'))).toBe(
      'run unset',
    );
  });

  it('with a search path of its own', async () => {
    const folder = join(host.folder, 'programs');
    mkdirSync(folder);
    writeFileSync(join(folder, 'greet'), '#!/bin/sh\necho hello\n');
    chmodSync(join(folder, 'greet'), 0o755);
    expect(await run('-e', `PATH=${folder}`, '--', 'greet')).toBe('hello');
    // Whatever is in it, the end is noted.
    await host.succeed(
      'run',
      '-d',
      '--name',
      'odd',
      '-e',
      'PATH=/nowhere',
      '-e',
      'NODE_OPTIONS=--x',
      '--',
      '/bin/true',
    );
    await eventually(async () => expect((await host.tsnet('ps', '-a')).stdout).toMatch(/odd .*exited \(0\)/));
    await host.succeed('rm', 'odd');
  });

  it.each([
    [['-u', 'nosuch'], 'user nosuch is not known'],
    [['-u', 'root:nosuch'], 'group nosuch is not known'],
    [['-w', 'var'], '--workdir: "var" is not allowed'],
    [['-w', '/nowhere'], 'start in /nowhere: ENOENT'],
    [['-e', '=x'], '--env: "=x" is not allowed'],
  ])('not at all with %j', async (flags, message) => {
    for (const words of [
      ['run', '--name', 'bad', ...flags, '--', 'true'],
      ['exec', ...flags, 'box', '--', 'true'],
    ]) {
      const { code, stderr } = await host.tsnet(...words);
      expect(stderr).toContain(message);
      expect(code).toBe(125);
    }
    expect((await host.tsnet('rm', 'bad')).stderr).toContain('not known');
  });
});

describe('exec', () => {
  it('is as the sandbox is, unless it says otherwise', async () => {
    const script = 'echo $(id -un) $COLOUR';
    expect(await exec([], script)).toBe('nobody red');
    expect(await exec(['-u', '0', '-e', 'COLOUR=blue'], script)).toBe('root blue');
    expect(await exec(['-w', '/var'], 'pwd')).toBe('/var');
  });

  it('may go on in the background, and ends with the sandbox', async () => {
    const mark = `41${process.pid}`;
    expect(await host.succeed('exec', '-d', 'box', '--', 'sleep', mark)).toBe('');
    const find = () => host.exec('sh', '-c', `pgrep -f "^[s]leep ${mark}" || true`);
    const pid = await find();
    expect(pid).toMatch(/^\d+$/);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t65534\t/m);
    expect((await host.tsnet('exec', '-d', 'box', '--', 'nosuch')).code).toBe(127);
    await host.succeed('stop', '-t', '1', 'box');
    await eventually(async () => expect(await find()).toBe(''));
    await host.succeed('start', 'box');
  });

  it('of another user ends with its parent', async () => {
    const mark = `42${process.pid}`;
    await host.succeed('exec', '-d', 'box', '--', 'sleep', mark);
    const pid = await host.exec('pgrep', '-f', `^[s]leep ${mark}`);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    process.kill(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]), 'SIGKILL');
    await eventually(async () =>
      expect(await host.exec('sh', '-c', `pgrep -f "^[s]leep ${mark}" || true`)).toBe(''),
    );
  });
});
