import { describe, expect, it } from 'vitest';
import type { ContainerView, PublishedView } from '../../../src/inspect/engines/container-view.ts';
import { recordedPorts, withRecordedPorts } from '../../../src/inspect/recorded-ports.ts';
import { parseIp, type EndpointId, type Port, type PortBinding } from '../../../src/model/index.ts';
import { containerOf, engineOf } from '../../support/inspection-builder.ts';
import { endpointOf } from '../../support/record-builder.ts';

const port = (hostPort: number, facts: Partial<PortBinding> = {}): PortBinding => ({
  protocol: 'tcp',
  hostPort: hostPort as Port,
  containerPort: 80 as Port,
  ...facts,
});
const endpoint = (id: string, ports: readonly PortBinding[]) => {
  const { container: _, ...rest } = endpointOf({ id: 'unknown' }, { id: id as EndpointId, ports });
  return rest;
};
const attachedBy = (...ids: readonly (string | undefined)[]): ContainerView['attachments'] =>
  ids.map((endpointId) => ({
    networkId: 'n1',
    networkName: 'n1',
    ...(endpointId === undefined ? {} : { endpointId }),
    addresses: [],
    aliases: [],
  }));

function publishedBy(view: Partial<ContainerView>, records: Readonly<Record<string, PortBinding[]>>) {
  const web = containerOf({ id: 'a', name: 'web', ...view });
  const endpoints = Object.entries(records).map(([id, ports]) => endpoint(id, ports));
  const [engine] = withRecordedPorts([engineOf({ containers: [web] })], recordedPorts(endpoints));
  const [found] = engine?.containers ?? [];
  return { ports: found?.publishedPorts, isSame: found === web, requested: found?.requestedPorts };
}

describe('withRecordedPorts', () => {
  it('adds what the endpoints of a container publish, and leaves what was asked for as it is', () => {
    const requestedPorts = [{ protocol: 'tcp' as const, containerPort: 80 }];
    const view = { attachments: attachedBy('e1', undefined, 'e2'), requestedPorts };
    const records = { e1: [port(32_768)], e2: [port(32_769, { hostIp: parseIp('::') })], e3: [port(1)] };
    expect(publishedBy(view, records)).toMatchObject({
      ports: [{ hostPort: 32_768 }, { hostPort: 32_769, hostIp: '::' }],
      requested: requestedPorts,
    });
  });

  it('changes nothing of others: no attachment of ours, no id, no ports', () => {
    const publishedPorts: PublishedView[] = [port(8080)];
    for (const id of ['other', undefined, ''])
      expect(publishedBy({ attachments: attachedBy(id), publishedPorts }, { e1: [port(1)] })).toMatchObject({
        ports: publishedPorts,
        isSame: true,
      });
    expect(publishedBy({ attachments: attachedBy('e1'), publishedPorts }, { e1: [] }).isSame).toBe(true);
  });

  it.each<[string, Partial<PublishedView>, Partial<PortBinding>, number]>([
    ['the same', {}, {}, 1],
    ['every address, by both', { hostIp: parseIp('0.0.0.0') }, {}, 1],
    ['one address, which every address includes', {}, { hostIp: parseIp('127.0.0.1') }, 1],
    ['every address beside one', { hostIp: parseIp('127.0.0.1') }, {}, 2],
    ['two addresses', { hostIp: parseIp('127.0.0.1') }, { hostIp: parseIp('127.0.0.2') }, 2],
    ['both families', { hostIp: parseIp('0.0.0.0') }, { hostIp: parseIp('::') }, 2],
    ['another protocol', { protocol: 'udp' }, {}, 2],
    ['another container port', { containerPort: 81 }, {}, 2],
    ['another host port', { hostPort: 8081 }, {}, 2],
  ])('shows once what its engine tells as well: %s', (_, told, ours, count) => {
    const publishedPorts = [{ ...port(8080), ...told }];
    const view = { attachments: attachedBy('e1'), publishedPorts };
    expect(publishedBy(view, { e1: [port(8080, ours)] }).ports).toHaveLength(count);
  });
});
