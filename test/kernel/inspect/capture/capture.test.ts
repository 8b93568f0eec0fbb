import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  capture,
  tapsFor,
  type CaptureLimits,
  type CaptureSummary,
} from '../../../../src/inspect/capture/index.ts';
import { decodeFrame } from '../../../../src/inspect/capture/decode-frame.ts';
import type { Inspection } from '../../../../src/inspect/inspection.ts';
import { readInspection } from '../../../../src/inspect/read-inspection.ts';
import { parseIp } from '../../../../src/model/index.ts';
import { compileProgram } from '../../../support/compile.ts';
import type { ScriptInside } from '../../../support/script-inside.ts';
import { readPcapng, type PcapngFile } from '../../../unit/inspect/capture/read-pcapng.ts';
import { ask, askDatagram, createPortLab, startServer, type PortLab } from './lab.ts';

const run = promisify(execFile);
let lab: PortLab;
let server: ScriptInside;
let folder: string;
let inspection: Inspection;

beforeAll(async () => {
  lab = await createPortLab();
  server = await startServer(lab.web, 80);
  folder = mkdtempSync(join(tmpdir(), 'tsnet-capture-'));
  inspection = await readInspection({ hostNetns: lab.host.path, engines: false, rules: 'host' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Captures while `during` runs. */
async function record(
  protocol: 'tcp' | 'udp',
  during: () => Promise<unknown>,
  limits: CaptureLimits = {},
): Promise<{ summary: CaptureSummary; file: PcapngFile; bytes: Buffer }> {
  const parts: Buffer[] = [];
  const stop = new AbortController();
  let begin: () => void = () => {};
  const isOpen = new Promise<void>((resolve) => (begin = resolve));
  const running = capture(tapsFor(inspection, { protocol, port: 8088 }), {
    limits,
    write: async (bytes) => void parts.push(bytes),
    onStart: begin,
    signal: stop.signal,
  });
  await isOpen;
  await during();
  if (limits.packets === undefined && limits.bytes === undefined) stop.abort();
  const summary = await running;
  const bytes = Buffer.concat(parts);
  return { summary, file: readPcapng(bytes), bytes };
}

describe('taps for a port', () => {
  it('lie on all links of the way, each with what the flow looks like there', () => {
    const web = `${lab.web.name}/eth0`;
    const plan = tapsFor(inspection, { protocol: 'tcp', port: 8088 });
    expect(plan.taps.map(({ name, stage }) => `${stage} ${name}`)).toEqual([
      'uplink host/hx0',
      'bridge host/br-app',
      'port host/vweb',
      `container ${web}`,
    ]);
    const inner = { ips: ['10.66.0.3'], port: 80 };
    expect(plan.taps[3]?.ends).toEqual([inner]);
    expect(plan.taps[0]?.ends).toEqual([{ ips: expect.arrayContaining(['198.18.7.1']), port: 8088 }, inner]);
    expect(plan.gaps).toEqual([]);
  });

  it('are those that are asked for', () => {
    const only = (...links: string[]) => {
      const { taps, gaps } = tapsFor(inspection, { protocol: 'tcp', port: 8088 }, links);
      return [taps.map(({ name }) => name), gaps.length];
    };
    expect(only('hx0')).toEqual([['host/hx0'], 0]);
    expect(only('host/vcli', 'br-app')).toEqual([['host/vcli', 'host/br-app'], 0]);
    expect(only('nothing')).toEqual([[], 1]);
  });

  it('know a container by what its engine says', () => {
    const published = {
      protocol: 'tcp' as const,
      hostIp: parseIp('198.18.7.1'),
      hostPort: 7070,
      containerPort: 80,
    };
    const container = {
      id: 'c'.repeat(64),
      name: 'web',
      image: 'httpd',
      state: 'running' as const,
      networkMode: 'app',
      pid: 1_000_000_000,
      sandboxPath: lab.web.path,
      attachments: [{ networkId: 'n', networkName: 'app', addresses: [parseIp('10.66.0.3')], aliases: [] }],
      requestedPorts: [published],
      publishedPorts: [published],
      exposedPorts: [],
      labels: {},
    };
    const engines = [
      { kind: 'docker' as const, version: '', socket: '', networks: [], containers: [container] },
    ];
    const asked = (wanted: Parameters<typeof tapsFor>[1]) => tapsFor({ ...inspection, engines }, wanted);
    const plan = asked({ protocol: 'tcp', port: 7070 });
    expect(plan.taps.map(({ name }) => name)).toEqual(['host/hx0', 'host/br-app', 'host/vweb', 'web/eth0']);
    expect(plan.taps[0]?.ends[0]).toEqual({ ips: ['198.18.7.1'], port: 7070 });
    expect(plan.taps[3]?.description).toContain('network app');
    expect(plan.names).toContainEqual({ ip: '10.66.0.3', names: ['web'] });
    expect(asked({ protocol: 'tcp', port: 80, container: 'web' })).toEqual(plan);
    expect(asked({ protocol: 'udp', port: 7070 }).taps.map(({ name }) => name)).toEqual(['host/hx0']);
  });
});

describe('a capture', () => {
  it('shows a connection on every link, before and after its translation', async () => {
    const { file, summary, bytes } = await record('tcp', async () => {
      expect(await ask(lab.lan, '198.18.7.1', 8088)).toBe('hello');
    });
    const ways = file.interfaces.map(({ name }, id) => {
      const frames = file.packets.filter(({ interfaceId }) => interfaceId === id);
      const [first] = frames.map(({ data }) => decodeFrame(data, true));
      return [
        name.replace(/^.*web-.*\//, 'web/'),
        `${first?.source} > ${first?.destination}:${first?.destinationPort}`,
        frames.length,
      ];
    });
    const each = summary.packets;
    expect(each).toBeGreaterThanOrEqual(7);
    expect(ways).toEqual([
      ['host/hx0', '198.18.7.2 > 198.18.7.1:8088', each],
      ['host/br-app', '198.18.7.2 > 10.66.0.3:80', each],
      ['host/vweb', '198.18.7.2 > 10.66.0.3:80', each],
      ['web/eth0', '198.18.7.2 > 10.66.0.3:80', each],
    ]);
    expect(summary).toMatchObject({ flows: 1, ended: 'signal', gaps: [], bytes: bytes.length });
    expect(file.statistics.map(({ received, dropped }) => [received, dropped])).toEqual(
      file.interfaces.map(() => [BigInt(each), 0n]),
    );
    const times = file.packets.map(({ time }) => time);
    expect(times).toEqual([...times].sort((one, other) => (one < other ? -1 : 1)));
    // Into the host by the uplink, out of it by the port, into the container.
    const syn = file.packets.slice(0, 4).map(({ interfaceId, direction }) => [interfaceId, direction]);
    expect(syn).toEqual([
      [0, 1],
      [1, 2],
      [2, 2],
      [3, 1],
    ]);
  });

  it('shows datagrams, and nothing else that passes', async () => {
    const { file, summary } = await record('udp', async () => {
      await ask(lab.lan, '198.18.7.1', 8088);
      await lab.cli.exec('bash', '-c', 'printf x >/dev/udp/10.66.0.1/8099');
      expect(await askDatagram(lab.lan, '198.18.7.1', 8088)).toBe('hello');
    });
    expect(summary).toMatchObject({ flows: 1, packets: 2 });
    expect(file.packets).toHaveLength(8);
  });

  it('is read by tcpdump', async () => {
    const { bytes, file } = await record('tcp', () => ask(lab.lan, '198.18.7.1', 8088));
    const path = join(folder, 'read.pcapng');
    writeFileSync(path, bytes);
    const { stdout, stderr } = await run('tcpdump', ['-n', '-r', path]);
    expect(stdout.trim().split('\n')).toHaveLength(file.packets.length);
    expect(stderr).not.toMatch(/truncated|damaged|corrupt|malformed/i);
  });

  it('ends after so many packets, each of which is there on all links', async () => {
    const { summary, file } = await record('tcp', () => ask(lab.lan, '198.18.7.1', 8088), { packets: 3 });
    expect(summary).toMatchObject({ ended: 'packets', packets: 3 });
    expect(file.packets).toHaveLength(12);
  });

  it('ends before the file is too large, which is complete', async () => {
    const { summary, bytes, file } = await record('tcp', () => ask(lab.lan, '198.18.7.1', 8088), {
      bytes: 4_096,
    });
    expect(summary.ended).toBe('bytes');
    expect(bytes.length).toBeLessThanOrEqual(4_096);
    expect(bytes.length).toBeGreaterThan(3_500);
    expect(file.statistics).toHaveLength(4);
  });

  it('ends in time, without packets as well', async () => {
    const began = performance.now();
    const summary = await capture(tapsFor(inspection, { protocol: 'tcp', port: 8088 }), {
      limits: { seconds: 0.3 },
    });
    expect(summary).toMatchObject({ ended: 'seconds', packets: 0 });
    expect(performance.now() - began).toBeLessThan(1_500);
  });

  it('goes on when one of its namespaces is gone, and says so', async () => {
    const plan = tapsFor(inspection, { protocol: 'tcp', port: 8088 });
    const taps = plan.taps.map((tap) =>
      tap.stage === 'container' ? { ...tap, netns: 'net:1' as const } : tap,
    );
    const summary = await capture({ ...plan, taps }, { limits: { seconds: 0.1 } });
    expect(summary.gaps.join()).toContain('net:1');
    await expect(
      capture({ ...plan, taps: taps.slice(3) }, { limits: { seconds: 0.1 } }),
    ).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('tsnet capture', () => {
  it('ends at Ctrl-C with a whole file, and shows packets across links', async () => {
    const program = await compileProgram(join(import.meta.dirname, '../../../../src/frontends/cli/start.ts'));
    const path = join(folder, 'out.pcapng');
    const child = spawn(
      'nsenter',
      [`--net=${lab.host.path}`, process.execPath, program, 'capture', 'port', '8088', '-w', path, '--print'],
      { env: { ...process.env, DOCKER_HOST: 'unix:///nonexistent' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    let errors = '';
    child.stdout.on('data', (text) => (output += String(text)));
    child.stderr.on('data', (text) => (errors += String(text)));
    await expect.poll(() => errors, { timeout: 20_000 }).toContain('4 interfaces');
    await ask(lab.lan, '198.18.7.1', 8088);
    await expect.poll(() => output, { timeout: 5_000 }).toContain('FIN');
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(output).toMatch(/^flow 1: 198\.18\.7\.2:\d+ → 198\.18\.7\.1:8088 ⇒ 10\.66\.0\.3:80$/m);
    expect(output).toMatch(/^0\.000000 +SYN → +SYN → +SYN → +SYN →$/m);
    expect(output.split('\n').every((line) => line.length <= 130)).toBe(true);
    expect(errors).toContain('none lost');
    expect(existsSync(path) && readPcapng(readFileSync(path)).packets.length).toBeGreaterThanOrEqual(28);
  });
});
