import { expect, it } from 'vitest';
import { parseNetworkOptions, unknownDockerKeys } from '../../../src/frontends/docker/network-options.ts';
import { parsePortMap, portMapKey } from '../../../src/frontends/docker/port-options.ts';
import * as docker from '../../../src/frontends/docker/requests.ts';
import { parseEndpointOptions } from '../../../src/frontends/docker/shaping-options.ts';
import { runCni } from '../../../src/frontends/cni/index.ts';
import { parseContainerOptions } from '../../../src/frontends/netavark/container-options.ts';
import { runNetavark } from '../../../src/frontends/netavark/index.ts';
import { metricOf, parseNetwork } from '../../../src/frontends/netavark/network-request.ts';
import { parsePortMappings } from '../../../src/frontends/netavark/port-mappings.ts';
import { setupSchema } from '../../../src/frontends/netavark/requests.ts';
import { parseRequest } from '../../../src/frontends/plugin-socket/frame.ts';
import { TsnetError } from '../../../src/model/index.ts';
import { readRecordings } from '../../fuzz/corpus.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';
import { generator, strangeCall } from '../frontends/cni/strange-calls.ts';

/** As if the records could not be opened: whoever gets there has read all of its input. */
const noContext = (): Promise<never> => Promise.reject(new TsnetError('unavailable', 'no records'));

it(
  'Docker: the body of each call is read or refused',
  async () => {
    const bodies = readRecordings('cnm-traffic', /^28.*\.jsonl$/)
      .map((line) => JSON.parse(line) as { readonly request?: unknown })
      .flatMap(({ request }) =>
        typeof request === 'object' && request !== null ? [JSON.stringify(request)] : [],
      );
    const schemas = Object.entries(docker).flatMap(([name, schema]) =>
      name === 'decode' ? [] : [schema as Parameters<typeof docker.decode>[0]],
    );
    const outcomes = await fuzz({
      name: 'docker',
      form: 'json',
      inputs: 6_000,
      seeds: [...new Set(bodies)],
      answer: (bytes, random) => {
        const body = parsed(bytes);
        const { Options: network } = docker.decode(docker.gwAllocCheckSchema, body);
        const generic = network['com.docker.network.generic'];
        unknownDockerKeys(generic);
        parseNetworkOptions(generic, network['com.docker.network.internal']);
        parseEndpointOptions(docker.decode(docker.createEndpointSchema, body).Options);
        parsePortMap(docker.decode(docker.programSchema, body).Options[portMapKey]);
        docker.decode(random.pick(schemas), body);
      },
    });
    expect([...outcomes.keys()].sort()).toEqual(['answered', 'invalid-input']);
  },
  fuzzTime,
);

it(
  'CNI: whatever comes is answered as CNI wants it',
  async () => {
    const random = generator(7);
    const seeds = Array.from({ length: 60 }, () => strangeCall(random)).map(({ stdin }) => stdin);
    const outcomes = await fuzz({
      name: 'cni',
      form: 'json',
      inputs: 3_000,
      seeds,
      answer: async (bytes) => {
        const { env, name } = strangeCall(random);
        return codeOf(await runCni(noContext, { env, stdin: bytes.toString('utf8'), name }));
      },
    });
    expect(outcomes.get('code 50')).toBeGreaterThan(20);
    expect(outcomes.get('code 7')).toBeGreaterThan(20);
  },
  fuzzTime,
);

it(
  'netavark: whatever comes is answered as Podman wants it',
  async () => {
    const recorded = readRecordings('netavark', /\.jsonl$/).map(
      (line) => JSON.parse(line) as { readonly args: readonly string[]; readonly request: unknown },
    );
    const outcomes = await fuzz({
      name: 'netavark',
      form: 'json',
      inputs: 4_000,
      seeds: recorded.map(({ request }) => JSON.stringify(request)),
      answer: async (bytes, random) => {
        const stdin = bytes.toString('utf8');
        const args = [random.pick(['create', 'setup', 'teardown', 'info', '', 'x\n']), '/run/netns/x'];
        const { stdout } = await runNetavark(noContext, { args, env: {}, stdin });
        refuseControls(stdout);
        const request = docker.decode(setupSchema, parsed(bytes));
        metricOf(parseNetwork(request.network), request.network_options.interface_name);
        parsePortMappings(request.port_mappings);
        parseContainerOptions(request.network_options.options);
      },
    });
    expect(outcomes.get('answered')).toBeGreaterThan(20);
    expect(outcomes.get('invalid-input')).toBeGreaterThan(20);
  },
  fuzzTime,
);

it(
  'the socket of the plugins: a request is whole, not yet whole, or refused',
  async () => {
    const parts = [
      'net:[4026531840]\0mnt:[4026531841]\0',
      '/opt/cni/bin/tsnet\0',
      'CNI_COMMAND=ADD\0A=b=c\0',
      '{}',
    ];
    const header = `tsnet1 ${parts.map((part) => Buffer.byteLength(part)).join(' ')}\n`;
    const outcomes = await fuzz({
      name: 'plugin-socket',
      form: 'bytes',
      inputs: 6_000,
      seeds: [header + parts.join(''), 'tsnet1 0 0 0 0\n'],
      answer: (bytes) => (parseRequest(bytes) === undefined ? 'not yet' : 'whole'),
    });
    expect([...outcomes.keys()].sort()).toEqual(['invalid-input', 'not yet', 'whole']);
  },
  fuzzTime,
);

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw new TsnetError('invalid-input', 'not JSON');
  }
}

/** The code in an answer; one line of JSON without anything that controls a terminal. */
function codeOf({ exitCode, stdout }: { readonly exitCode: number; readonly stdout: string }): string {
  refuseControls(stdout);
  const { code, msg } = (stdout === '' ? {} : JSON.parse(stdout)) as {
    readonly code?: number;
    readonly msg?: string;
  };
  if (code === 999) throw new Error(msg);
  return exitCode === 0 ? 'answered' : `code ${code}`;
}

function refuseControls(stdout: string): void {
  if (/[\p{Cc}\u2028\u2029]/u.test(stdout.replace(/\n$/, '')))
    throw new Error(`controls a terminal: ${stdout}`);
}
