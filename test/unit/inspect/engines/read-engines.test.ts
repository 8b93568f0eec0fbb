import { describe, expect, it } from 'vitest';
import { engineNames } from '../../../../src/inspect/engines/docker.ts';
import { readEngines } from '../../../../src/inspect/engines/read-engines.ts';
import { usePlayedEngine } from '../../../support/played-engine.ts';

// A server of our own in the place of the engine: what matters here is how answers are read and bad ones met.
const played = usePlayedEngine();

/** Answers with a text as it is, with a value as JSON, with nothing at all for `undefined`. */
async function answerWith(answers: Readonly<Record<string, unknown>>): Promise<void> {
  await played.answer((request, response) => {
    const path = request.url ?? '';
    if (!(path in answers)) return void response.writeHead(404).end('{"message":"no such container"}');
    const answer = answers[path];
    if (answer !== undefined) response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
}

/** Nothing of the machine that the test runs on is looked at. */
function readPlayed() {
  return readEngines(undefined, { sockets: [played.socket()], containerdStates: [] });
}

const webId = 'a'.repeat(64);
const appId = 'b'.repeat(64);
const healthy = {
  '/version': { Version: '28.5.2', Components: [{ Name: 'Engine' }] },
  '/networks': [
    {
      Id: appId,
      Name: 'app',
      Driver: 'bridge',
      Internal: true,
      IPAM: {
        Config: [
          { Subnet: '10.66.0.0/24', Gateway: '10.66.0.1', IPRange: '10.66.0.128/25' },
          { Subnet: 'nonsense' },
        ],
      },
      Options: null,
    },
    { Id: 'c'.repeat(64), Name: 'plain', Driver: 'macvlan', IPAM: null, Options: { parent: 'eth0' } },
  ],
  '/containers/json?all=1': [
    {
      Id: webId,
      Names: ['/web'],
      Image: 'httpd',
      State: 'running',
      NetworkSettings: { Networks: { app: { IPAddress: '10.66.0.2' } } },
    },
  ],
  [`/containers/${webId}/json`]: {
    Id: webId,
    Name: '/web',
    State: {
      Status: 'running',
      Pid: 4711,
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      StartedAt: '2026-11-21T12:00:00Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      Health: { Status: 'healthy' },
    },
    Config: { Image: 'httpd', ExposedPorts: { '80/tcp': {} }, Labels: { a: 'b' } },
    HostConfig: {
      NetworkMode: 'app',
      PortBindings: {
        '80/tcp': [
          { HostIp: '', HostPort: '8088' },
          { HostIp: '127.0.0.1', HostPort: '' },
        ],
        '90/udp': [{ HostIp: '', HostPort: '9000-9010' }],
        'bad/icmp': [{}],
      },
    },
    NetworkSettings: {
      SandboxKey: '/var/run/docker/netns/4f2a',
      Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8088' }], '443/tcp': null },
      Networks: {
        app: {
          NetworkID: appId,
          EndpointID: 'e'.repeat(64),
          IPAddress: '10.66.0.2',
          Gateway: '10.66.0.1',
          GlobalIPv6Address: '',
          MacAddress: '02:42:0a:42:00:02',
          Aliases: ['web'],
        },
      },
    },
  },
};

describe('readEngines', () => {
  it('reads networks and containers in the words of tsnet', async () => {
    await answerWith(healthy);
    const { engines, gaps } = await readPlayed();
    expect(gaps).toEqual([]);
    expect(engines).toEqual([
      {
        kind: 'docker',
        version: '28.5.2',
        socket: played.socket(),
        networks: [
          {
            id: appId,
            name: 'app',
            driver: 'bridge',
            isInternal: true,
            subnets: [{ subnet: '10.66.0.0/24', gateway: '10.66.0.1', range: '10.66.0.128/25' }],
            options: {},
            bridge: `br-${'b'.repeat(12)}`,
          },
          {
            id: 'c'.repeat(64),
            name: 'plain',
            driver: 'macvlan',
            isInternal: false,
            subnets: [],
            options: { parent: 'eth0' },
          },
        ],
        containers: [
          {
            id: webId,
            name: 'web',
            image: 'httpd',
            state: 'running',
            pid: 4711,
            exitCode: 0,
            health: 'healthy',
            startedAt: '2026-11-21T12:00:00Z',
            networkMode: 'app',
            sandboxPath: '/var/run/docker/netns/4f2a',
            attachments: [
              {
                networkId: appId,
                networkName: 'app',
                endpointId: 'e'.repeat(64),
                addresses: ['10.66.0.2'],
                gateway: '10.66.0.1',
                mac: '02:42:0a:42:00:02',
                aliases: ['web'],
              },
            ],
            requestedPorts: [
              { protocol: 'tcp', hostPort: 8088, containerPort: 80 },
              { protocol: 'tcp', hostIp: '127.0.0.1', containerPort: 80 },
              { protocol: 'udp', containerPort: 90 },
            ],
            publishedPorts: [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8088, containerPort: 80 }],
            exposedPorts: ['80/tcp'],
            labels: { a: 'b' },
          },
        ],
      },
    ]);
  });

  it('takes what the list tells for containers that are told too late, and says so', async () => {
    await answerWith({ ...healthy, [`/containers/${webId}/json`]: undefined });
    const started = performance.now();
    const { engines, gaps } = await readPlayed();
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(engines[0]?.containers).toMatchObject([
      { name: 'web', state: 'running', attachments: [{ networkId: appId, addresses: ['10.66.0.2'] }] },
    ]);
    expect(gaps).toEqual([{ what: 'docker: details of 1 of 1 containers', why: 'not told within 1000 ms' }]);
  });

  it('leaves out a container that is removed while it is asked', async () => {
    const { [`/containers/${webId}/json`]: _, ...rest } = healthy;
    await answerWith(rest);
    const { engines, gaps } = await readPlayed();
    expect(engines[0]?.containers).toEqual([]);
    expect(gaps).toEqual([]);
  });

  it('knows Podman by its own words', async () => {
    await answerWith({
      '/version': { Version: '5.4.0', Components: [{ Name: 'Podman Engine' }] },
      '/networks': [],
      '/containers/json?all=1': [],
    });
    expect((await readPlayed()).engines).toMatchObject([{ kind: 'podman', version: '5.4.0' }]);
  });

  it('has no gap where no engine is installed', async () => {
    delete process.env['DOCKER_HOST'];
    expect(await readPlayed()).toEqual({ engines: [], gaps: [] });
  });

  it('misses an engine that DOCKER_HOST names', async () => {
    expect(await readPlayed()).toEqual({
      engines: [],
      gaps: [{ what: `engine at ${played.socket()}`, why: 'there is no such socket; DOCKER_HOST names it' }],
    });
  });

  it.each(['ssh://root@far', 'tcp://127.0.0.1:2375', 'unix://relative', 'npipe:////./pipe/docker'])(
    'asks no engine of another host: %s',
    async (host) => {
      await answerWith(healthy);
      process.env['DOCKER_HOST'] = host;
      const places = { sockets: [], containerdStates: [] };
      expect(await readEngines(undefined, places)).toEqual({
        engines: [],
        gaps: [{ what: 'the engine was not asked', why: expect.stringContaining(host) }],
      });
      expect(await engineNames()).toMatchObject({
        isAnswering: false,
        silence: { why: expect.stringContaining(host) },
      });
    },
  );

  it.each([
    [
      'hangs',
      { '/version': undefined, '/networks': undefined, '/containers/json?all=1': undefined },
      'no answer within 1000 ms',
    ],
    [
      'is something else',
      { '/version': '<html>', '/networks': '[]', '/containers/json?all=1': '[]' },
      'it does not answer as an engine does',
    ],
    [
      'answers nonsense',
      { '/version': {}, '/networks': 5, '/containers/json?all=1': null },
      'it does not answer as an engine does',
    ],
    ['refuses', {}, 'it refused: '],
  ])('says what is wrong with a server that %s', async (_, answers, why) => {
    await answerWith(answers);
    const { engines, gaps } = await readPlayed();
    expect(engines).toEqual([]);
    expect(gaps.map((gap) => gap.why).join()).toContain(why);
  });
});
