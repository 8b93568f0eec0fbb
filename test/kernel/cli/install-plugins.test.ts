import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNetns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
const conflist = 'etc/cni/net.d/10-tsnet.conflist';

let prefix: string;
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), 'tsnet-install-'));
});
afterEach(() => rmSync(prefix, { recursive: true }));

describe('tsnet install cni', () => {
  const plugins = ['opt/cni/bin/tsnet', 'opt/cni/bin/tsnet-ipam'];

  it('puts plugins and a first network there, keeps them when repeated, and takes them back', async () => {
    expect(await steps('install', 'cni')).toEqual(all('write', ...plugins, conflist));
    for (const path of plugins) expect(statSync(at(path)).mode & 0o777).toBe(0o755);
    expect(await steps('install', 'cni')).toEqual(all('keep', ...plugins, conflist));
    expect(await steps('uninstall', 'cni')).toEqual(all('remove', ...plugins, conflist));
    for (const path of [...plugins, conflist]) expect(existsSync(at(path))).toBe(false);
    expect(await steps('uninstall', 'cni')).toEqual({});
  });

  it('says what it would do, and does nothing', async () => {
    expect(await steps('install', 'cni', '--dry-run')).toEqual(all('write', ...plugins, conflist));
    expect(existsSync(at('opt'))).toBe(false);
  });

  it('takes the place of no default network unless asked', async () => {
    const other = 'etc/cni/net.d/20-flannel.conflist';
    write(other, '{"name":"cbr0"}');
    expect(await steps('install', 'cni')).toMatchObject(all('write', ...plugins));
    expect(existsSync(at(conflist))).toBe(false);
    const { stdout } = await tsnet('install', 'cni', '--prefix', prefix);
    expect(stdout).toContain(`${at(conflist)} is not written: ${at(other)} is the node's default network`);
    expect(stdout).toContain('--default');
    expect(await steps('install', 'cni', '--default')).toEqual({
      ...all('keep', ...plugins),
      ...all('write', conflist),
    });
  });

  it('does not make a prefix that does not exist', async () => {
    for (const words of [
      ['install', 'cni'],
      ['install', 'netavark'],
      ['install', 'docker'],
      ['uninstall', 'cni'],
      ['uninstall', 'docker'],
    ]) {
      const typo = at('typo');
      expect(await tsnet(...words, '--prefix', typo)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('a folder that exists'),
      });
      expect(existsSync(typo)).toBe(false);
    }
  });

  it("takes the folder of Debian's plugins where it is there, or the one that is named", async () => {
    mkdirSync(at('usr/lib/cni'), { recursive: true });
    expect(await steps('install', 'cni', '--no-conflist')).toEqual(
      all('write', 'usr/lib/cni/tsnet', 'usr/lib/cni/tsnet-ipam'),
    );
    expect(await steps('install', 'cni', '--plugin-dir', '/x')).toMatchObject(all('write', 'x/tsnet'));
    const { code } = await tsnet('install', 'cni', '--prefix', prefix, '--plugin-dir', 'x');
    expect(code).toBe(2);
  });

  it('replaces an older version, and leaves alone what others wrote or changed', async () => {
    const { sign } = await import('../../../src/frontends/install/signature.ts');
    write(plugins[0] ?? '', sign('an older program\n'));
    write(conflist, '{"name":"mine"}');
    expect(await steps('install', 'cni')).toEqual({
      ...all('replace', 'opt/cni/bin/tsnet'),
      ...all('write', 'opt/cni/bin/tsnet-ipam'),
      ...all('keep', conflist),
    });
    write(plugins[1] ?? '', 'a stranger');
    expect(await tsnet('install', 'cni', '--prefix', prefix)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('opt/cni/bin/tsnet-ipam'),
    });
    expect(await steps('uninstall', 'cni')).toEqual({
      ...all('remove', 'opt/cni/bin/tsnet'),
      ...all('leave', 'opt/cni/bin/tsnet-ipam', conflist),
    });
  });

  it('leaves a program that works from there, with Node where no daemon runs', async () => {
    await using host = await createNetns('install');
    await using sandbox = await createNetns('pod');
    await steps('install', 'cni');
    const { plugins: list, ...common } = JSON.parse(readFileSync(at(conflist), 'utf8')) as {
      plugins: [object];
      name: string;
    };
    const call = (verb: string, more: object = {}) =>
      new Promise<{ stdout: string; code: number }>((resolve) => {
        const env = {
          TSNET_RUN_DIR: at('run'),
          TSNET_STATE_DIR: at('state'),
          CNI_COMMAND: verb,
          CNI_CONTAINERID: 'c1',
          CNI_IFNAME: 'eth0',
          CNI_NETNS: sandbox.path,
          CNI_PATH: at('opt/cni/bin'),
        };
        // No search path: what the installation noted leads to Node.
        const child = execFile(
          '/usr/bin/nsenter',
          [`--net=${host.path}`, at('opt/cni/bin/tsnet')],
          { env },
          (error, stdout) => resolve({ stdout, code: typeof error?.code === 'number' ? error.code : 0 }),
        );
        child.stdin?.end(JSON.stringify({ ...common, ...list[0], ...more }));
      });
    const added = await call('ADD');
    expect(added.code, added.stdout).toBe(0);
    const prevResult = JSON.parse(added.stdout) as unknown;
    expect((await sandbox.exec('ip', '-o', '-4', 'addr', 'show', 'dev', 'eth0')).stdout).toContain(
      '10.87.0.2/16',
    );
    expect(await call('CHECK', { prevResult })).toEqual({ stdout: '', code: 0 });
    expect(await call('DEL', { prevResult })).toEqual({ stdout: '', code: 0 });
  });
});

it('tsnet install netavark puts the plugin where Podman looks, and takes it back', async () => {
  const plugin = 'usr/local/lib/netavark/tsnet';
  expect(await steps('install', 'netavark')).toEqual(all('write', plugin));
  expect(await steps('uninstall', 'netavark')).toEqual(all('remove', plugin));
});

function at(path: string): string {
  return join(prefix, path);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

function all(action: string, ...paths: string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, action]));
}

async function steps(...words: string[]): Promise<Record<string, string>> {
  const { stdout, stderr, code } = await tsnet(...words, '--prefix', prefix, '--json');
  if (code !== 0) throw new Error(stderr);
  const answer = JSON.parse(stdout) as { steps: { action: string; subject: string }[] };
  return Object.fromEntries(
    answer.steps.map(({ action, subject }) => [subject.slice(prefix.length + 1), action]),
  );
}

function tsnet(...words: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  return new Promise((resolve) => {
    execFile(program, words, (error, stdout, stderr) =>
      resolve({ stdout, stderr, code: typeof error?.code === 'number' ? error.code : 0 }),
    );
  });
}
