import { expect, it } from 'vitest';
import { HostMap } from '../../../../src/inspect/host-map.ts';
import { publishedPorts } from '../../../../src/inspect/views/index.ts';
import { containerOf, engineOf, inspectionOf } from '../../../support/inspection-builder.ts';

const asked = [
  { protocol: 'tcp', hostPort: 8088, containerPort: 80 },
  { protocol: 'udp', containerPort: 53 },
] as const;

function portsWith(driver: string, { isInternal = false, isRunning = true } = {}): string[] {
  const web = containerOf({
    id: 'a'.repeat(64),
    name: 'web',
    pid: 7,
    state: isRunning ? 'running' : 'exited',
    requestedPorts: asked,
    attachments: [{ networkId: 'n1', networkName: 'app', addresses: [], aliases: [] }],
  });
  const network = { id: 'n1', name: 'app', driver, isInternal, subnets: [], options: {} };
  const map = new HostMap(
    inspectionOf({ 1: {}, 2: isRunning ? { processes: [{ pid: 7 }] } : {} }, [
      engineOf({ containers: [web], networks: [network] }),
    ]),
  );
  return publishedPorts(map, map.containers).map(
    ({ hostPort, protocol }) => `${hostPort ?? '?'}/${protocol}`,
  );
}

it('ports that a driver of another make publishes are those that were asked for', () => {
  expect(portsWith('tsnet')).toEqual(['?/udp', '8088/tcp']);
});

it.each([
  ['bridge', {}],
  ['tsnet', { isInternal: true }],
  ['tsnet', { isRunning: false }],
] as const)('with driver %s and %j only what the engine says counts', (driver, facts) => {
  expect(portsWith(driver, facts)).toEqual([]);
});
