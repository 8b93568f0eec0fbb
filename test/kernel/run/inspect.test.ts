import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandboxHost, eventually, type SandboxHost } from './sandbox-host.ts';

// The inspector beside sandboxes of every mode and containers of runtimes, without any engine.

let host: SandboxHost;
beforeAll(async () => {
  host = await createSandboxHost();
  // Before there is anything to read.
  await host.succeed('inspect');
  expect(existsSync(join(host.folder, 'state')), 'the inspector makes nothing').toBe(false);
  expect(existsSync(join(host.folder, 'run'))).toBe(false);
  await host.succeed('network', 'create', 'lab', '--subnet', '10.88.0.0/24');
  await host.succeed('network', 'create', 'dmz', '--subnet', '10.89.0.0/24');
  const server = ['python3', '-m', 'http.server', '8000'];
  const sleep = ['sleep', '300'];
  await run(
    'web',
    ['--network', 'lab', '--network', 'dmz:alias=www', '-p', '8080:8000', '-u', '65534'],
    server,
  );
  await run('side', ['--network', 'container:web'], sleep);
  await run('plain', [], sleep);
  await run('alone', ['--network', 'none'], sleep);
  await run('inside', ['--network', 'host'], sleep);
  await run('other', ['--network', 'dmz'], sleep);
  await run('ended', ['--network', 'lab', '-p', '8081:81'], ['false']);
  await eventually(async () => {
    expect(JSON.parse(await host.succeed('ps', '-a', '--json'))).toContainEqual(
      expect.objectContaining({ container: 'ended', exitCode: 1 }),
    );
    await host.exec('curl', '-s', `${host.address}:8080`);
  });
});
afterAll(() => host[Symbol.asyncDispose]());

const run = (name: string, flags: readonly string[], command: readonly string[]) =>
  host.succeed('run', '-d', '--name', name, ...flags, '--', ...command);

/** Asks for JSON; a question about what is broken ends with 1. */
async function ask<Answer>(...words: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await host.tsnet(...words, '--json');
  if (code > 1) throw new Error(`${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

interface PortAnswer {
  readonly verdict: string;
  readonly causes: readonly { readonly finding: Finding }[];
}
interface Finding {
  readonly code: string;
  readonly fix: readonly string[];
  readonly evidence: readonly { readonly source: string }[];
}
interface Row {
  readonly type: string;
  readonly container?: string;
  readonly network?: string;
  readonly owner?: string;
  readonly place?: string;
}

const rowsOf = async () => (await ask<{ rows: readonly Row[] }>('inspect', 'veth')).rows;
const rowOf = async (name: string) =>
  (await rowsOf())
    .filter(({ container }) => container === name)
    .map(({ type, network, owner }) => `${type} ${network ?? owner}`)
    // Bridges are sorted by name, which comes from a random id.
    .sort();

describe('the inspector beside sandboxes', () => {
  it('names them in every mode', async () => {
    expect(await rowOf('web')).toEqual(['veth dmz', 'veth lab']);
    expect(await rowOf('plain')).toEqual(['veth bridge']);
    expect(await rowOf('alone')).toEqual(['none none']);
    expect(await rowOf('inside')).toEqual(['host host']);
    expect(await rowOf('side')).toEqual(['container web']);
    expect(await rowOf('ended')).toEqual([]);
  });

  it('tells of the whole host, and has nothing to find fault with', async () => {
    expect(await ask('inspect')).toMatchObject({
      engines: [{ kind: 'tsnet' }],
      counts: { networks: 3, containers: 7, running: 6 },
      hostNetwork: [{ name: 'inside', engine: 'tsnet' }],
      isolated: [{ name: 'alone' }],
      published: [{ container: 'web', hostPort: 8080, containerPort: 8000 }],
      stopped: [{ name: 'ended', state: 'exited' }],
    });
    expect(await host.succeed('inspect')).toMatch(/tsnet0 .* network bridge \(tsnet\)\n.* plain eth0 /);
    expect((await ask<{ findings: readonly object[] }>('doctor')).findings).toEqual([]);
    expect(await host.succeed('graph', 'lab')).toMatch(/lab \(tsnet\).*\n.*web {2}\+ side/);
  });

  it('tells of one container and one network', async () => {
    expect(await ask('inspect', 'container', 'web')).toMatchObject({
      engine: 'tsnet',
      state: 'running',
      mode: 'tsnet',
      sharedWith: ['side'],
      networks: [
        { name: 'dmz', addresses: ['10.89.0.2'], gateway: '10.89.0.1', aliases: ['www'], interface: 'eth1' },
        { name: 'lab', addresses: ['10.88.0.2'], interface: 'eth0' },
      ],
      listeners: [{ port: 8000 }],
    });
    expect(await ask('inspect', 'network', 'dmz')).toMatchObject({
      engine: 'tsnet',
      members: [{ container: 'other' }, { container: 'web', interface: 'eth1' }],
    });
    expect(await host.tsnet('inspect', 'container', 'web', '--docker')).toMatchObject({ code: 69 });
  });

  it('follows a port to a sandbox, and says how to start one that has ended', async () => {
    expect(await host.succeed('inspect', 'port', '8080')).toMatch(/listens .* in web/);
    expect(await ask<PortAnswer>('inspect', 'port', '8081')).toMatchObject({
      verdict: 'broken',
      causes: [
        {
          finding: {
            code: 'container.not-running',
            fix: ['tsnet start ended'],
            evidence: [{ source: 'tsnet' }],
          },
        },
      ],
    });
  });

  it('gives commands that connect, and that heal inside a sandbox of another user', async () => {
    const apart = await ask<PortAnswer>('inspect', 'port', 'web:8000', '--from', 'plain');
    expect(apart.causes[0]?.finding.fix).toEqual(['tsnet connect lab plain']);
    await host.succeed('exec', '-u', '0', 'web', '--', 'ip', 'link', 'set', 'eth0', 'down');
    const broken = await ask<PortAnswer>('inspect', 'port', '8080');
    const fix = broken.causes[0]?.finding.fix ?? [];
    expect(fix[0]).toBe('tsnet exec -u 0 web -- ip link set eth0 up');
    await heal(fix);
    await eventually(async () => {
      expect((await ask<PortAnswer>('inspect', 'port', '8080')).verdict).toBe('works');
      await host.exec('curl', '-s', `${host.address}:8080`);
    });
  });

  it('keeps the names in a snapshot, and leaves them out where nobody is to be asked', async () => {
    const [named, unnamed] = [join(host.folder, 'named.json'), join(host.folder, 'unnamed.json')];
    await host.succeed('snapshot', '-o', named);
    await host.succeed('snapshot', '--no-engines', '-o', unnamed);
    const containers = async (file: string) =>
      (await ask<{ counts: { containers: number } }>('inspect', '--snapshot', file)).counts.containers;
    expect(await containers(named)).toBe(7);
    expect(await containers(unnamed)).toBe(0);
  });

  it('does not take a namespace for that of a sandbox whose end nobody saw', async () => {
    await run('ghost', ['--network', 'none'], ['sleep', '301']);
    const { pid } = await ask<{ pid: number }>('inspect', 'container', 'ghost');
    const parent = (await host.exec('ps', '-o', 'ppid=', '-p', String(pid))).trim();
    await host.exec('kill', '-KILL', parent, String(pid));
    await eventually(async () => {
      const answer = await ask<{ state: string }>('inspect', 'container', 'ghost');
      expect(answer).toMatchObject({ state: 'exited' });
      expect(answer).not.toHaveProperty('netns');
    });
    expect(await rowOf('ghost')).toEqual([]);
    const { namespaces } = await ask<{ namespaces: { title: string; containers: object[] }[] }>(
      'inspect',
      'netns',
    );
    expect(namespaces).toContainEqual(expect.objectContaining({ title: 'ghost', containers: [] }));
    await host.succeed('rm', 'ghost');
  });
});

describe('the inspector beside runtimes that nobody asks', () => {
  const plugin = (kind: 'cni' | 'netavark') => join(dirname(host.program), kind, 'tsnet');
  const cni = JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    type: 'tsnet',
    bridge: 'pods0',
    isDefaultGateway: true,
    ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.90.0.0/24' }]] },
    runtimeConfig: { portMappings: [{ hostPort: 8090, containerPort: 80, protocol: 'tcp' }] },
  });
  const callCni = (command: string) =>
    host.exec(
      'sh',
      '-c',
      `printf %s "$1" | CNI_COMMAND=${command} CNI_CONTAINERID=${'a'.repeat(64)} CNI_NETNS=/run/netns/cni-1 CNI_IFNAME=eth0 \
       CNI_PATH=${dirname(plugin('cni'))} CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAME=shop-0' ${plugin('cni')}`,
      'sh',
      cni,
    );

  it('names a container that came through CNI, until its namespace is another one', async () => {
    await host.exec('ip', 'netns', 'add', 'cni-1');
    await callCni('ADD');
    expect(await rowOf('shop-0')).toEqual(['veth cni-pods']);
    expect(await ask('inspect', 'container', 'shop-0')).toMatchObject({ engine: 'cni', state: 'running' });
    const answer = await ask<PortAnswer>('inspect', 'port', '8090');
    expect(answer.causes[0]?.finding).toMatchObject({ code: 'listener.none', evidence: [{}] });
    expect(await host.tsnet('inspect', 'port', '8090')).toMatchObject({
      stdout: expect.stringContaining('8090/tcp on 0.0.0.0 → shop-0:80') as string,
    });
    // Its runtime was killed, and somebody else takes the name; mostly the kernel gives the number again, too.
    await host.exec('ip', 'netns', 'del', 'cni-1');
    await host.exec('ip', 'netns', 'add', 'cni-1');
    expect((await rowsOf()).filter(({ container }) => container === 'shop-0')).toEqual([]);
    await callCni('DEL');
    await host.exec('ip', 'netns', 'del', 'cni-1');
  });

  it('names a container of Podman whose service is off', async () => {
    const body = JSON.stringify({
      container_id: 'b'.repeat(64),
      container_name: 'db',
      network: {
        name: 'pod',
        id: '1'.repeat(64),
        driver: 'tsnet',
        subnets: [{ subnet: '10.91.0.0/24', gateway: '10.91.0.1' }],
      },
      network_options: { interface_name: 'eth0', static_ips: ['10.91.0.2'], aliases: ['database'] },
    });
    const call = (command: string) =>
      host.exec('sh', '-c', `printf %s "$1" | ${plugin('netavark')} ${command} /run/netns/pod-1`, 'sh', body);
    await host.exec('ip', 'netns', 'add', 'pod-1');
    await call('setup');
    expect(await ask('inspect', 'container', 'db')).toMatchObject({
      engine: 'netavark',
      networks: [
        { name: 'pod', aliases: expect.arrayContaining(['database']) as string[], interface: 'eth0' },
      ],
    });
    await call('teardown');
    await host.exec('ip', 'netns', 'del', 'pod-1');
  });
});

/** Runs what was advised, with this build. */
async function heal(commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    await host.exec('sh', '-c', command.replace(/^tsnet /, `${host.program} `));
  }
}
