import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PortReport } from '../../src/inspect/port/index.ts';
import type { ContainerReport, Overview, VethMap } from '../../src/inspect/views/index.ts';
import { startEngine, testImage, type Engine } from '../support/engine.ts';

const hostileNetwork = 'ne\u001b[31mt\u202e';
const hostileLink = 'v\u001b[2J\u202e';

const program = join(import.meta.dirname, '../../dist/tsnet');

interface DockerAnswer {
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { Kernel?: unknown }>> };
}

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  const create = (name: string, ...args: string[]) => engine.docker('network', 'create', ...args, name);
  await create('app', '--subnet', '10.66.0.0/24', '-o', 'com.docker.network.bridge.name=br-app');
  await create('two', '--subnet', '10.69.0.0/24');
  await create(
    'lan',
    '-d',
    'macvlan',
    '--subnet',
    '192.0.2.0/24',
    '--gateway',
    '192.0.2.2',
    '--ip-range',
    '192.0.2.128/25',
    '-o',
    'parent=uplink0',
  );
  await create(hostileNetwork, '--subnet', '10.70.0.0/24');
  const run = (name: string, network: string, ...args: string[]) =>
    engine.docker('run', '-d', '--name', name, '--network', network, ...args, testImage);
  await run('web', 'app', '-p', '8088:80');
  await engine.docker('network', 'connect', 'two', 'web');
  await run('cli', 'app');
  await engine.docker(
    'run',
    '-d',
    '--name',
    'sidecar',
    '--network',
    'container:web',
    testImage,
    'sleep',
    '1000',
  );
  await run('exporter', 'host');
  await run('lonely', 'none');
  await run('onlan', 'lan');
  await run('odd', hostileNetwork);
  await engine.docker('create', '--name', 'idle', '--network', 'two', testImage);
  await engine.netns.exec('ip', 'link', 'add', hostileLink, 'type', 'veth', 'peer', 'name', 'odd0');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function inspect<Answer>(...args: string[]): Promise<Answer> {
  return JSON.parse(await engine.tsnet('inspect', ...args, '--json')) as Answer;
}

/** What the namespace itself says: the index of the other end. */
async function otherEnd(container: string, link: string): Promise<number> {
  return Number(await engine.container(container)('cat', `/sys/class/net/${link}/iflink`));
}

describe('tsnet inspect on a real engine', () => {
  it('pairs every veth as the kernel does', async () => {
    const { rows } = await inspect<VethMap>('veth');
    const ours = rows.filter(
      ({ type, hostPlace, container }) => type === 'veth' && hostPlace === 'host' && container,
    );
    expect(ours.map(({ container, interface: link }) => `${link}@${container}`).sort()).toEqual([
      'eth0@cli',
      'eth0@odd',
      'eth0@web',
      'eth1@web',
    ]);
    for (const { container = '', interface: link = '', hostIndex, hostVeth } of ours) {
      expect(await otherEnd(container, link)).toBe(hostIndex);
      expect(await engine.netns.exec('cat', `/sys/class/net/${hostVeth}/ifindex`)).toBe(String(hostIndex));
    }
  });

  it('tells all modes apart', async () => {
    const { rows } = await inspect<VethMap>('veth');
    const how = new Map(rows.map((row) => [row.container, row]));
    expect(how.get('sidecar')).toMatchObject({ type: 'container', owner: 'web' });
    expect(how.get('exporter')).toMatchObject({ type: 'host' });
    expect(how.get('lonely')).toMatchObject({ type: 'none' });
    expect(how.get('onlan')).toMatchObject({ type: 'macvlan', hostVeth: 'uplink0', network: 'lan' });
    expect(how.get('web')).toMatchObject({ type: 'veth', sharedWith: ['sidecar'] });
    expect(how.has('idle')).toBe(false);
    const modes = await Promise.all(
      ['web', 'sidecar', 'exporter', 'lonely', 'onlan', 'idle'].map(
        async (name) => (await inspect<{ mode: string }>('container', name)).mode,
      ),
    );
    expect(modes).toEqual(['bridge', 'container', 'host', 'none', 'macvlan', 'bridge']);
  });

  it('shows container, network and bridge from both sides', async () => {
    expect(await inspect('container', 'web')).toMatchObject({
      state: 'running',
      networks: [
        { name: 'app', addresses: ['10.66.0.2'], interface: 'eth0' },
        { name: 'two', interface: 'eth1' },
      ],
      interfaces: [
        { name: 'eth0', bridge: 'br-app', network: 'app' },
        { name: 'eth1', network: 'two' },
      ],
    });
    const network = await inspect<{ bridge: { name: string }; members: { container: string }[] }>(
      'network',
      'app',
    );
    expect(network.bridge.name).toBe('br-app');
    expect(network.members.map(({ container }) => container)).toEqual(['cli', 'web']);
    const { bridges } = await inspect<{ bridges: { ports: { container?: string; portState: string }[] }[] }>(
      'bridge',
      'br-app',
    );
    expect(bridges[0]?.ports.map(({ container }) => container).sort()).toEqual(['cli', 'web']);
    expect(bridges[0]?.ports.map(({ portState }) => portState)).toEqual(['forwarding', 'forwarding']);
  });

  it('shows the MAC table with ages, as brctl showmacs does', async () => {
    await engine.container('cli')('ping', '-c', '1', '10.66.0.2');
    type Row = { origin: string; owner?: string; ips: string[]; ageSeconds?: number };
    const { bridges } = await inspect<{ bridges: { forwarding: Row[] }[] }>('bridge', 'br-app');
    const learned = bridges[0]?.forwarding.filter(({ origin }) => origin === 'learned') ?? [];
    expect(learned.map(({ owner }) => owner ?? '').toSorted()).toEqual(['eth0@cli', 'eth0@web']);
    for (const { ageSeconds } of learned) expect(ageSeconds).toBeLessThan(60);
  });

  it('finds who has an address, and which network contains it', async () => {
    const text = await engine.tsnet('inspect', 'ip', '10.66.0.1');
    expect(text).toMatch(/10\.66\.0\.1\/24 +br-app@host/);
    expect(text).toMatch(/networks +app +10\.66\.0\.0\/24/);
  });

  it('prints names for scripts, and templates as docker inspect does', async () => {
    const veth = (await engine.tsnet('inspect', 'veth', 'eth0@web', '-q')).trim();
    const index = await otherEnd('web', 'eth0');
    expect(await engine.netns.exec('cat', `/sys/class/net/${veth}/ifindex`)).toBe(`${index}`);
    const format = '{{range .Members}}{{.Container}} {{.HostVeth}}{{println}}{{end}}';
    expect(await engine.tsnet('inspect', 'network', 'app', '--format', format)).toContain(`web ${veth}`);
  });

  it('lets no name steer the terminal, as text and as JSON', async () => {
    for (const args of [
      ['inspect'],
      ['inspect', 'veth'],
      ['inspect', 'bridge'],
      ['inspect', 'netns', 'host'],
      ['graph'],
      ['inspect', 'netns', '--json'],
    ]) {
      const text = await engine.tsnet(...args);
      expect(text.replaceAll('\n', ''), args.join(' ')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
    expect(await engine.tsnet('inspect', 'network', hostileNetwork)).toContain('ne?[31mt?');
  });

  it('says who is near a name that nobody has', async () => {
    await expect(engine.tsnet('inspect', 'container', 'wep')).rejects.toThrow(/did you mean web\?/);
  });

  it('answers the same from a file', async () => {
    const file = `${engine.folder}/host.json`;
    await engine.tsnet('snapshot', '-o', file);
    const pairs = async (...args: string[]) =>
      (await engine.tsnet('inspect', 'veth', ...args, '--format', '{{.HostVeth}} {{.Container}} {{.Netns}}'))
        .split('\n')
        .filter((line) => /^\S+ (web|cli|odd|onlan) /.test(line));
    expect((await pairs('--snapshot', file)).length).toBe(5);
    expect(await pairs('--snapshot', file)).toEqual(await pairs());
  });

  it('prints again at every change, and ends cleanly when it is asked to', async () => {
    await engine.netns.exec('sh', '-c', 'ip link delete seen0 2>/dev/null || true');
    const text = await engine.netns.exec(
      'sh',
      '-c',
      `timeout --preserve-status -s INT 8 ${program} inspect veth --watch --json & ` +
        'sleep 3; ip link add seen0 type veth peer name seen1; wait $!',
    );
    const answers = text.split('\n').map((line) => JSON.parse(line) as VethMap);
    // Both ends are in the host, so either may stand outside.
    const links = answers.map(({ rows }) =>
      rows.some((row) => [row.hostVeth, row.interface].includes('seen0')),
    );
    expect(links[0]).toBe(false);
    expect(links.at(-1)).toBe(true);
    await engine.netns.exec('ip', 'link', 'delete', 'seen0');
  });

  it("answers in docker's shape, with what the kernel holds beside it", async () => {
    const docker = JSON.parse(await engine.docker('inspect', 'web')) as DockerAnswer[];
    const [ours] = JSON.parse(
      await engine.tsnet('inspect', 'container', 'web', '--docker'),
    ) as DockerAnswer[];
    const { app, two } = ours?.NetworkSettings.Networks ?? {};
    const container = await inspect<ContainerReport>('container', 'web');
    const inApp = container.interfaces.find(({ network }) => network === 'app');
    expect(app?.Kernel).toMatchObject({
      Interface: inApp?.name,
      HostVeth: inApp?.hostVeth,
      Bridge: 'br-app',
      NetnsInode: Number(container.netns?.slice(4)),
      Carrier: true,
    });
    for (const one of [app, two]) delete one?.Kernel;
    expect(ours).toEqual(docker[0]);
    const template = '{{range .NetworkSettings.Networks}}{{.Kernel.HostVeth}} {{end}}';
    const names = await engine.tsnet('inspect', 'container', 'web', '--docker', '--format', template);
    expect(names.trim().split(' ')).toContain(inApp?.hostVeth);
    const joined = '{{range .Containers}}{{.Name}} {{.Kernel.HostVeth}}{{println}}{{end}}';
    const members = await engine.tsnet('inspect', 'network', 'app', '--docker', '--format', joined);
    expect(members).toContain(`web ${inApp?.hostVeth}`);
  });

  it('counts in the overview what doctor finds', async () => {
    const { findings } = await inspect<Overview>();
    expect(Object.keys(findings)).toEqual(['errors', 'warnings', 'notes']);
    expect(await engine.tsnet('inspect')).toMatch(
      /✓ nothing wrong was found|\? nothing wrong was found in what could be read|tsnet doctor tells which/,
    );
  });

  it('follows a port, and prints it with a template', async () => {
    expect(await engine.tsnet('inspect', 'port', '8088', '--format', '{{.Port}} {{.Verdict}}')).toMatch(
      /^8088\/tcp works$/m,
    );
    const text = await engine.netns.exec(
      'sh',
      '-c',
      `timeout --preserve-status -s INT 14 ${program} inspect port 8088 --watch --format '{{.Verdict}}' & ` +
        `sleep 5; iptables -I DOCKER-USER -p tcp --dport 80 -j DROP; sleep 5; ` +
        `iptables -D DOCKER-USER -p tcp --dport 80 -j DROP; wait $!`,
    );
    expect(text.trim().split('\n')).toEqual(['works', 'broken', 'works']);
  });

  it('finds a rule inside the container in the way, and mends it there', async () => {
    const pid = (await engine.docker('inspect', '--format', '{{.State.Pid}}', 'web')).trim();
    const rule = ['INPUT', '-p', 'tcp', '--dport', '80', '-j', 'DROP'] as const;
    await engine.netns.exec('nsenter', '-t', pid, '-n', 'iptables', '-A', ...rule);
    const report = async (): Promise<PortReport> =>
      JSON.parse(
        await engine.netns.exec('sh', '-c', `${program} inspect port 8088 --json; true`),
      ) as PortReport;
    const [cause] = (await report()).causes;
    expect(cause?.finding).toMatchObject({ message: expect.stringContaining('inside web'), isCertain: true });
    expect(cause?.finding.fix).toHaveLength(1);
    await engine.netns.exec('sh', '-c', cause?.finding.fix[0] ?? 'false');
    expect((await report()).verdict).toBe('works');
  });

  it('shows an ordinary user what it can, and says what it can not see', async () => {
    const asNobody = 'setpriv --reuid 65534 --regid 65534 --clear-groups';
    const text = await engine.netns.exec('sh', '-c', `${asNobody} ${program} inspect 2>&1`);
    expect(text).toMatch(/br-app +10\.66\.0\.1\/24/);
    expect(text).toMatch(/could not read: engine at .*: no permission to ask it/);
    expect(text).toMatch(/could not read: .*net:\d+.*: .*EPERM/);
  });
});
