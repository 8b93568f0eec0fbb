import { describe, expect, it } from 'vitest';
import {
  askEngine,
  EngineRefusal,
  followEngine,
  type EngineEvent,
} from '../../../../src/inspect/engines/docker-api.ts';
import { engineNames } from '../../../../src/inspect/engines/docker.ts';
import { readEngineUse } from '../../../../src/inspect/engines/read-use.ts';
import { usePlayedEngine } from '../../../support/played-engine.ts';

// A server of our own in the place of the engine: what matters here is how a bad one is met.
const { answer: answerWith } = usePlayedEngine();

describe('askEngine', () => {
  it('fails at once without an engine, and in time with one that hangs', async () => {
    await expect(askEngine('/networks', 5_000)).rejects.toThrow('ENOENT');
    await answerWith(() => {});
    const started = performance.now();
    await expect(askEngine('/networks', 100)).rejects.toThrow();
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('fails in time when the answer never ends, when it is no JSON, and at a refusal', async () => {
    await answerWith((request, response) => {
      if (request.url === '/hangs') response.write('[');
      else if (request.url === '/broken') response.end('<html>');
      else response.writeHead(404).end('{}');
    });
    await expect(askEngine('/hangs', 100)).rejects.toThrow();
    await expect(askEngine('/broken', 1_000)).rejects.toThrow(SyntaxError);
    await expect(askEngine('/absent', 1_000)).rejects.toThrow(EngineRefusal);
  });
});

describe('followEngine', () => {
  it('gives events that come in pieces, and fails or ends with the engine', async () => {
    await answerWith((_, response) => {
      response.write('{"Type":"network","Act');
      setTimeout(() => response.write('ion":"create"}\n{"Type":"container","Action":"die"}\n'), 30);
      setTimeout(() => response.end(), 60);
    });
    const events: EngineEvent[] = [];
    const opened: string[] = [];
    await followEngine({}, 1_000, new AbortController().signal, {
      onOpen: () => opened.push('open'),
      onEvent: (event) => events.push(event),
    });
    expect(opened).toEqual(['open']);
    expect(events.map(({ Type, Action }) => `${Type} ${Action}`)).toEqual([
      'network create',
      'container die',
    ]);
  });

  it('gives up on an engine that does not answer, but never on one that is silent', async () => {
    await answerWith((request, response) => {
      if (request.url?.includes('network') === true) response.flushHeaders();
    });
    const nobody = { onOpen: () => {}, onEvent: () => {} };
    await expect(
      followEngine({ type: ['container'] }, 50, new AbortController().signal, nobody),
    ).rejects.toThrow();
    const stop = new AbortController();
    const following = followEngine({ type: ['network'] }, 50, stop.signal, nobody);
    setTimeout(() => stop.abort(), 300);
    const started = performance.now();
    await expect(following).rejects.toThrow();
    expect(performance.now() - started).toBeGreaterThan(250);
  });
});

const id = (digit: string) => digit.repeat(64);

it('readEngineUse gathers what is in use, from networks and containers, and forgives what is missing', async () => {
  const answers: Readonly<Record<string, unknown>> = {
    '/info': { ID: 'ABCD', DockerRootDir: '/var/lib/docker' },
    '/networks': [
      {
        Id: id('a'),
        Name: 'ours',
        IPAM: { Driver: 'tsnet', Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1' }] },
      },
      {
        Id: id('b'),
        Name: 'plain',
        IPAM: {
          Driver: 'tsnet',
          Config: [{ Subnet: 'fd00:2::/64', AuxiliaryAddresses: { router: 'fd00:2::9' } }, { Subnet: 'bad' }],
        },
      },
      { Id: id('c'), Name: 'bridge', IPAM: { Driver: 'default', Config: [{ Subnet: '172.17.0.0/16' }] } },
      { Id: id('d'), Name: 'none', IPAM: { Driver: 'default', Config: null } },
    ],
    [`/networks/${id('a')}`]: {
      Id: id('a'),
      Containers: { x: { EndpointID: id('1'), IPv4Address: '10.1.0.2/24', IPv6Address: '' } },
    },
    '/containers/json?all=1': [
      {
        Id: id('e'),
        Names: ['/web'],
        NetworkSettings: {
          Networks: { ours: { NetworkID: id('a'), EndpointID: id('2'), IPAddress: '10.1.0.3' } },
        },
      },
      { Id: id('f'), Names: null, NetworkSettings: null },
    ],
  };
  await answerWith((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else response.end(JSON.stringify(answer));
  });
  expect(await readEngineUse(new Set())).toEqual({
    engine: 'ABCD /var/lib/docker',
    networks: new Set(['a', 'b', 'c', 'd'].map(id)),
    endpoints: new Set(['1', '2'].map(id)),
    addresses: new Set(['10.1.0.2', '10.1.0.3', '10.1.0.1', 'fd00:2::9']),
    subnets: new Set(['10.1.0.0/24', 'fd00:2::/64']),
  });
  const names = await engineNames();
  expect(names.containers.get(id('2') as never)).toEqual({ id: id('e'), name: 'web' });
});
