import { expect, it } from 'vitest';
import { readAnswer } from '../../../src/inspect/engines/read-answer.ts';
import { readEngines } from '../../../src/inspect/engines/read-engines.ts';
import { readEngineUse } from '../../../src/inspect/engines/read-use.ts';
import { examine } from '../../../src/inspect/doctor/index.ts';
import { HostMap } from '../../../src/inspect/host-map.ts';
import { formatInspection, parseInspection } from '../../../src/inspect/inspection-file.ts';
import type { Inspection } from '../../../src/inspect/inspection.ts';
import { overview } from '../../../src/inspect/views/index.ts';
import { readRecordings } from '../../fuzz/corpus.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';
import { usePlayedEngine } from '../../support/played-engine.ts';

const played = usePlayedEngine();
const id = 'a'.repeat(64);
const network = 'b'.repeat(64);
const attached = {
  NetworkID: network,
  EndpointID: 'e',
  IPAddress: '10.6.0.2',
  Gateway: '10.6.0.1',
  Aliases: ['w'],
};
const container = {
  Id: id,
  Name: '/web',
  State: { Status: 'running', Pid: 4711 },
  Config: { Image: 'i', Labels: {} },
};

/** One answer for all questions: each takes its part. */
const seed = {
  version: { Version: '28.5.2', Components: [{ Name: 'Engine' }], ID: 'x', DockerRootDir: '/var/lib/docker' },
  networks: [
    {
      Id: network,
      Name: 'app',
      Driver: 'tsnet',
      Internal: true,
      IPAM: {
        Driver: 'tsnet',
        Config: [{ Subnet: '10.6.0.0/24', Gateway: '10.6.0.1', IPRange: '10.6.0.128/25' }],
      },
      Options: { 'com.docker.network.bridge.name': 'br-app' },
      Containers: { [id]: { EndpointID: 'e', IPv4Address: '10.6.0.2/24', IPv6Address: '' } },
    },
  ],
  list: [
    {
      Id: id,
      Names: ['/web'],
      Image: 'i',
      State: 'running',
      Labels: { a: 'b' },
      HostConfig: { NetworkMode: 'app' },
      NetworkSettings: { Networks: { app: attached } },
    },
  ],
  container: {
    ...container,
    HostConfig: { NetworkMode: 'app', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8088' }] } },
    NetworkSettings: {
      SandboxKey: '/var/run/docker/netns/4f2a',
      Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8088' }], '443/tcp': null },
      Networks: { app: attached },
    },
  },
};

it(
  'what an engine says is told as it is meant, or as a gap',
  async () => {
    const [plain = ''] = readRecordings('inspections', /\.json$/);
    const inspection = parseInspection(plain, 'modes.json');
    let answer: Partial<Record<keyof typeof seed, unknown>> = seed;
    await played.answer((request, response) => {
      const path = request.url ?? '';
      const part = path.startsWith('/containers/json')
        ? answer.list
        : path.startsWith('/containers/')
          ? answer.container
          : path.startsWith('/networks/')
            ? (answer.networks as unknown[] | undefined)?.[0]
            : path === '/networks'
              ? answer.networks
              : answer.version;
      response.end(JSON.stringify(part));
    });
    const outcomes = await fuzz({
      name: 'engines',
      form: 'json',
      inputs: 150,
      seeds: [JSON.stringify(seed)],
      answer: async (bytes) => {
        answer = asObject(bytes.toString('utf8'));
        const { engines, gaps } = await readEngines();
        const seen = { ...inspection, engines };
        // What was read is as the types say, so that it can be written, read again, and asked.
        readAgain(seen);
        examine(seen);
        overview(new HostMap(seen));
        await readAnswer({ kind: 'docker', socket: played.socket() }, 'container', id);
        return gaps.some(({ what }) => what.startsWith('engine')) ? 'gap' : 'told';
      },
    });
    expect(outcomes.get('told')).toBeGreaterThan(10);
    expect(outcomes.get('gap')).toBeGreaterThan(10);
  },
  fuzzTime,
);

it(
  'what an engine has in use is told or refused: what is not known is not garbage',
  async () => {
    let answer: Partial<Record<keyof typeof seed, unknown>> = seed;
    await played.answer((request, response) => {
      const path = request.url ?? '';
      const part = path.startsWith('/containers')
        ? answer.list
        : path.startsWith('/networks/')
          ? (answer.networks as unknown[] | undefined)?.[0]
          : path === '/networks'
            ? answer.networks
            : answer.version;
      response.end(JSON.stringify(part));
    });
    const outcomes = await fuzz({
      name: 'engine-use',
      form: 'json',
      inputs: 150,
      seeds: [JSON.stringify(seed)],
      answer: async (bytes) => {
        answer = asObject(bytes.toString('utf8'));
        const use = await readEngineUse(new Set()).catch(() => undefined);
        if (use === undefined) return 'refused';
        for (const one of [...use.networks, ...use.endpoints, ...use.addresses, ...use.subnets]) {
          expect(typeof one).toBe('string');
        }
        return 'told';
      },
    });
    expect(outcomes.get('told')).toBeGreaterThan(10);
    expect(outcomes.get('refused')).toBeGreaterThan(10);
  },
  fuzzTime,
);

function readAgain(inspection: Inspection): void {
  try {
    parseInspection(formatInspection(inspection), 'engines');
  } catch (error) {
    throw new Error(`an own snapshot is refused: ${String(error)}`, { cause: error });
  }
}

function asObject(text: string): object {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}
