import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/engine-run.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { callCni, fail, succeed } from './plugin.ts';
import { useHostWithPods } from './pods.ts';
import { hasReference, referenceFolder } from './reference.ts';

// The reference plugin `dhcp` with its daemon, and a DHCP server on a LAN that the bridge is in.
const pods = useHostWithPods();
let lan: Netns;
let folder: string;
let programs: ChildProcess[];

function start(command: string, ...args: string[]): void {
  programs.push(spawn(command, args, { stdio: 'ignore' }));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-dhcp-'));
  programs = [];
  lan = await createNetns('lan');
  const { netns } = pods.host;
  await netns.exec('ip', 'link', 'add', 'br0', 'type', 'bridge');
  await netns.exec(
    'ip',
    'link',
    'add',
    'lan0',
    'master',
    'br0',
    'type',
    'veth',
    'peer',
    'eth0',
    'netns',
    lan.name,
  );
  for (const link of ['br0', 'lan0']) await netns.exec('ip', 'link', 'set', link, 'up');
  await lan.exec('ip', 'address', 'add', '10.9.0.1/24', 'dev', 'eth0');
  await lan.exec('ip', 'link', 'set', 'eth0', 'up');
  writeFileSync(
    join(folder, 'udhcpd.conf'),
    [
      'interface eth0',
      'start 10.9.0.100',
      'end 10.9.0.120',
      `lease_file ${folder}/leases`,
      `pidfile ${folder}/pid`,
      'option subnet 255.255.255.0',
      'option router 10.9.0.1',
      'option lease 3600',
    ].join('\n'),
  );
  writeFileSync(join(folder, 'leases'), '');
  start('nsenter', `--net=${lan.path}`, 'busybox', 'udhcpd', '-f', join(folder, 'udhcpd.conf'));
  const socket = join(folder, 'dhcp.sock');
  start(join(referenceFolder, 'dhcp'), 'daemon', '-socketpath', socket);
  await until('the dhcp daemon listens', () => existsSync(socket));
});
afterEach(async () => {
  for (const program of programs) {
    const ended = once(program, 'exit');
    program.kill('SIGKILL');
    await ended;
  }
  await lan[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const call = (verb: string, index: number, more: object = {}) => ({
  verb,
  config: {
    cniVersion: '1.0.0',
    name: 'lan',
    type: 'tsnet',
    bridge: 'br0',
    ipam: { type: 'dhcp', daemonSocketPath: join(folder, 'dhcp.sock') },
    runtimeConfig: { portMappings: [{ hostPort: 8080 + index, containerPort: 80, protocol: 'tcp' }] },
    ...more,
  },
  container: `c${index}`,
  netns: pods.boxes[index]?.path ?? '',
  ifName: 'eth0',
});

describe.skipIf(!hasReference)('delegated to dhcp', () => {
  it('takes what the DHCP server of the LAN gives, over the interface that is there by then', async () => {
    const { context } = pods.host;
    const [first, second] = [await succeed(context, call('ADD', 0)), await succeed(context, call('ADD', 1))];
    const addresses = [first, second].map(({ ips }) => ips[0]?.address ?? '');
    for (const address of addresses) expect(address).toMatch(/^10\.9\.0\.1\d\d\/24$/);
    expect(new Set(addresses).size).toBe(2);
    expect(first.ips[0]?.gateway).toBe('10.9.0.1');
    expect((await pods.boxes[0]?.exec('ip', 'route'))?.stdout).toContain('default via 10.9.0.1 dev eth0');
    await pods.boxes[0]?.exec('ping', '-n', '-c', '1', '-W', '2', '10.9.0.1');
    await pods.boxes[0]?.exec('ping', '-n', '-c', '1', '-W', '2', addresses[1]?.split('/')[0] ?? '');
    await succeed(context, call('CHECK', 0, { prevResult: first }));
    for (const index of [0, 1]) {
      expect(await callCni(context, call('DEL', index))).toEqual({ exitCode: 0, stdout: '' });
    }
    expect(context.state.read((view) => view.endpoints())).toEqual([]);
  });

  it('leaves nothing where it can not be asked', async () => {
    const before = await hostFacts(pods.boxes[0] as Netns);
    const ipam = { type: 'dhcp', daemonSocketPath: join(folder, 'none.sock') };
    const error = await fail(pods.host.context, call('ADD', 0, { ipam }));
    expect(error.msg).toMatch(/^dhcp ADD: .*none\.sock/);
    expect(await hostFacts(pods.boxes[0] as Netns)).toEqual(before);
    expect(pods.host.context.state.read((view) => view.endpoints())).toEqual([]);
    await succeed(pods.host.context, call('ADD', 0));
  });

  it('does not guard an interface that has to ask for its address', async () => {
    expect((await fail(pods.host.context, call('ADD', 0, { macspoofchk: true }))).code).toBe(2);
  });
});
