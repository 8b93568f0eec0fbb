import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../../../src/inspect/inspection.ts';
import {
  probe,
  probeTarget,
  type ProbeOrigin,
  type ProbeResult,
  type ProbeTarget,
} from '../../../../src/inspect/probe/index.ts';
import { readInspection } from '../../../../src/inspect/read-inspection.ts';
import { parseIp } from '../../../../src/model/index.ts';
import { compileProgram } from '../../../support/compile.ts';
import type { Netns } from '../../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../../support/script-inside.ts';
import { createPortLab, startServer, type PortLab } from '../capture/lab.ts';

const run = promisify(execFile);
let lab: PortLab;
let server: ScriptInside;

beforeAll(async () => {
  lab = await createPortLab();
  server = await startServer(lab.web, 80);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

const read = (): Promise<Inspection> =>
  readInspection({ hostNetns: lab.host.path, engines: false, rules: 'host', parts: ['addresses'] });
const inside = ({ path }: Netns): ProbeOrigin => ({ netns: `net:${statSync(path).ino}` });

/** One attempt, from the LAN if nothing else is said. */
async function attempt(
  place: string,
  options: { readonly protocol?: ProbeTarget['protocol']; readonly from?: ProbeOrigin } = {},
): Promise<ProbeResult> {
  const { protocol = 'tcp', from = inside(lab.lan) } = options;
  const [ip = '', port = ''] = place.split(':');
  const target = { protocol, ip: parseIp(ip), port: Number(port) };
  return await probe(await read(), target, from, { timeoutMs: 600 });
}

/** Links that a packet crossed, with the names of test namespaces made short. */
const way = (fate: ProbeResult['packet']) => fate?.steps.map(({ kind, link }) => `${kind} ${short(link)}`);
const short = (link: string | undefined) => link?.replace(/tsnet-test-(\w+)-[\d-]+/, '$1');

/** Runs with further rules in the chain that forwarded packets meet. */
async function withRule<Result>(rule: string, during: () => Promise<Result>): Promise<Result> {
  await lab.host.exec('nft', `add rule ip engine user ${rule}`);
  try {
    return await during();
  } finally {
    await lab.host.exec('nft', 'flush chain ip engine user');
  }
}

/** What probes of a process leave behind, which should be nothing: tables in the host's namespace, instances of tracefs. */
async function remains(pid = process.pid): Promise<string[]> {
  const { stdout: tables } = await lab.host.exec('nft', 'list', 'tables');
  const script = 'mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; ls /sys/kernel/tracing/instances';
  const { stdout: instances } = await run('unshare', ['--mount', 'sh', '-c', script]);
  return `${tables}${instances}`
    .split('\n')
    .filter((line) => line.includes('tsnet-') && line.includes(`-${pid}-`));
}

describe('a probe', () => {
  it('shows the way of a connection through translation and bridge, and back', async () => {
    const result = await attempt('198.18.7.1:8088');
    expect(result).toMatchObject({ outcome: 'ok', gaps: [] });
    expect(way(result.packet)).toEqual([
      'send lan/lan0',
      'receive host/hx0',
      'send host/br-app',
      'send host/vweb',
      'receive web/eth0',
    ]);
    expect(way(result.answer)).toEqual([
      'send web/eth0',
      'receive host/vweb',
      'receive host/br-app',
      'send host/hx0',
      'receive lan/lan0',
    ]);
    expect(result.packet).toMatchObject({ isCertain: true });
    expect(result.rules?.[0]).toMatchObject({
      table: 'engine',
      chain: 'pre',
      verdict: 'accept',
      inLink: 'hx0',
    });
    expect(result.rules?.[0]?.text).toContain('dnat to 10.66.0.3:80');
    expect(result.setUp).toHaveLength(3);
    expect(await remains()).toEqual([]);
  });

  it('shows a datagram and the answer to it', async () => {
    const result = await attempt('198.18.7.1:8088', { protocol: 'udp' });
    expect(result).toMatchObject({ outcome: 'ok', packet: { isCertain: true } });
    expect(way(result.packet)?.at(-1)).toBe('receive web/eth0');
  });

  it.each(['tcp', 'udp'] as const)('names the rule that drops %s, and where', async (protocol) => {
    const result = await withRule('iifname "hx0" counter drop', () =>
      attempt('198.18.7.1:8088', { protocol }),
    );
    expect(result).toMatchObject({
      outcome: 'timeout',
      packet: {
        drop: { reason: 'NETFILTER_DROP', location: 'nft_do_chain', after: 'host/hx0' },
        isCertain: true,
      },
    });
    const dropped = result.rules?.filter(({ verdict }) => verdict === 'drop');
    expect(dropped).toMatchObject([{ chain: 'user', kind: 'rule', inLink: 'hx0', outLink: 'br-app' }]);
    expect(dropped?.[0]?.text).toMatch(/^iifname "hx0" counter .*drop$/);
  });

  it('tells a rule that drops answers from one that drops requests', async () => {
    const result = await withRule('oifname "hx0" drop', () => attempt('198.18.7.1:8088'));
    expect(result.outcome).toBe('timeout');
    expect(result.packet?.drop).toBeUndefined();
    expect(result.answer?.drop).toMatchObject({ reason: 'NETFILTER_DROP', after: 'host/br-app' });
    expect(result.rules?.filter(({ verdict }) => verdict === 'drop')).toMatchObject([{ isAnswer: true }]);
  });

  it.each(['tcp', 'udp'] as const)('shows that nobody listens (%s)', async (protocol) => {
    const result = await attempt('10.66.0.3:81', { protocol, from: 'host' });
    expect(result).toMatchObject({ outcome: 'refused', errno: 'ECONNREFUSED', from: 'host' });
    expect(result.packet?.drop?.reason).toBe('NO_SOCKET');
    expect(short(result.packet?.drop?.after)).toBe('web/eth0');
  });

  it.each(['10.66.0.2', '10.66.0.3'])(
    'follows the right copy through a bridge that floods (%s)',
    async (ip) => {
      const flood = (learning: 'on' | 'off') =>
        Promise.all(
          ['vweb', 'vcli'].map((port) =>
            lab.host.exec(
              'ip',
              'link',
              'set',
              port,
              'type',
              'bridge_slave',
              'learning',
              learning,
              'fdb_flush',
            ),
          ),
        );
      await attempt(`${ip}:81`, { from: 'host' });
      await flood('off');
      try {
        const { packet } = await attempt(`${ip}:81`, { from: 'host' });
        expect(packet).toMatchObject({ drop: { reason: 'NO_SOCKET' }, isCertain: true });
        expect(short(packet?.drop?.after)).toBe(ip === '10.66.0.3' ? 'web/eth0' : 'cli/eth0');
      } finally {
        await flood('on');
      }
    },
  );

  it.each(['tcp', 'udp'] as const)('speaks IPv6 (%s)', async (protocol) => {
    const target = { protocol, ip: parseIp('::1'), port: 81 };
    const result = await probe(await read(), target, 'localhost');
    expect(result).toMatchObject({ outcome: 'refused', gaps: [], packet: { isCertain: true } });
    expect(way(result.packet)).toEqual(['send host/lo', 'receive host/lo']);
    expect(result.packet?.drop?.reason).toBe('NO_SOCKET');
  });

  it('shows a reverse path filter', async () => {
    await lab.web.exec('ip', 'route', 'del', 'default');
    await lab.web.exec('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1');
    try {
      const result = await attempt('198.18.7.1:8088');
      expect(result).toMatchObject({ outcome: 'timeout', packet: { drop: { reason: 'IP_RPFILTER' } } });
      expect(short(result.packet?.drop?.after)).toBe('web/eth0');
    } finally {
      await lab.web.exec('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0');
      await lab.web.exec('ip', 'route', 'add', 'default', 'via', '10.66.0.1');
    }
  });

  it('shows that there is no way, and that the sender lets nothing out', async () => {
    expect(await attempt('203.0.113.9:80', { from: 'host' })).toMatchObject({
      outcome: 'unreachable',
      errno: 'ENETUNREACH',
    });
    await lab.lan.exec(
      'nft',
      'table ip own { chain out { type filter hook output priority 0; udp dport 53 drop; }; }',
    );
    try {
      const result = await attempt('198.18.7.1:53', { protocol: 'udp' });
      expect(result).toMatchObject({
        outcome: 'denied',
        packet: { steps: [], drop: { reason: 'NETFILTER_DROP' } },
      });
    } finally {
      await lab.lan.exec('nft', 'delete', 'table', 'ip', 'own');
    }
  });

  it('tells a connection that is ended at once from one that stands', async () => {
    const hangUp = `require('net').createServer((socket) => socket.end()).listen(82, () => console.log('ready'))`;
    await using _ = await runScriptInside(lab.web, hangUp);
    expect((await attempt('10.66.0.3:82', { from: 'host' })).outcome).toBe('closed');
  });

  it('does without traces when they are not wanted', async () => {
    const inspection = await read();
    const target = { protocol: 'tcp' as const, ip: parseIp('198.18.7.1'), port: 8088 };
    const result = await probe(inspection, target, inside(lab.lan), { traces: false });
    expect(result.outcome).toBe('ok');
    expect(result.setUp).toHaveLength(1);
    expect(result.packet ?? result.rules).toBeUndefined();
  });

  it('knows what a client would ask for', async () => {
    const inspection = await read();
    const wanted = { protocol: 'tcp' as const, port: 8088 };
    expect(probeTarget(inspection, wanted, 'host')).toEqual({ ...wanted, ip: '198.18.7.1' });
    expect(probeTarget(inspection, wanted, 'localhost')).toEqual({ ...wanted, ip: '127.0.0.1' });
    expect(() => probeTarget(inspection, { ...wanted, container: 'nobody' }, 'host')).toThrow(
      expect.objectContaining({ kind: 'not-found' }),
    );
    await expect(
      probe(inspection, { ...wanted, ip: parseIp('10.0.0.1') }, { container: 'nobody' }),
    ).rejects.toThrow('no such container');
  });
});

describe('a probe that is killed', () => {
  /** Starts a probe that takes long, and ends when all is set up. */
  async function startProbe() {
    const program = await compileProgram(join(import.meta.dirname, 'prober.ts'));
    const target = JSON.stringify({ protocol: 'tcp', ip: '10.66.0.99', port: 80 });
    const child = spawn(process.execPath, [program, lab.host.path, target, '"host"', '20000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    await expect.poll(() => remains(pid), { timeout: 5_000 }).toHaveLength(2);
    const kill = async (signal: NodeJS.Signals): Promise<void> => {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    };
    return { pid, kill };
  }

  it.each(['SIGINT', 'SIGKILL'] as const)('leaves nothing behind after %s', async (signal) => {
    const { pid, kill } = await startProbe();
    await kill(signal);
    await expect.poll(() => remains(pid), { timeout: 5_000 }).toEqual([]);
  });

  it('leaves what the next one removes, when its keeper is killed as well', async () => {
    const { pid, kill } = await startProbe();
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    for (const keeper of children) process.kill(keeper, 'SIGKILL');
    await kill('SIGKILL');
    await expect.poll(() => remains(pid)).toEqual([expect.stringContaining(`-${pid}-`)]);
    await attempt('198.18.7.1:8088');
    expect(await remains(pid)).toEqual([]);
  });
});
