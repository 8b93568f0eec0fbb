import { expect, it } from 'vitest';
import { matches } from '../../../../src/kernel/conntrack/delete-flows.ts';
import type { Flow } from '../../../../src/kernel/conntrack/flow.ts';
import { parseIp, parsePort } from '../../../../src/model/index.ts';

const port = parsePort(53);
const flow: Flow = {
  family: 4,
  protocol: 17,
  original: {
    source: parseIp('192.0.2.1'),
    destination: parseIp('192.0.2.9'),
    sourcePort: 4000,
    destinationPort: 53,
  },
  reply: {
    source: parseIp('10.1.0.2'),
    destination: parseIp('192.0.2.1'),
    sourcePort: 5353,
    destinationPort: 4000,
  },
  identity: { tuple: Buffer.alloc(0), zone: undefined, id: undefined },
};

it('takes flows by their original destination and their translation', () => {
  const base = { protocol: 'udp', originalDestinationPorts: [port] } as const;
  expect(matches(flow, base)).toBe(true);
  expect(matches(flow, { ...base, replySource: parseIp('10.1.0.2') })).toBe(true);
  expect(matches(flow, { ...base, originalDestination: parseIp('192.0.2.9'), family: 4 })).toBe(true);
  expect(matches(flow, { ...base, replySource: parseIp('10.1.0.3') })).toBe(false);
  expect(matches(flow, { ...base, originalDestination: parseIp('192.0.2.8') })).toBe(false);
  expect(matches(flow, { ...base, family: 6 })).toBe(false);
  expect(matches(flow, { ...base, protocol: 'tcp' })).toBe(false);
  expect(matches(flow, { ...base, originalDestinationPorts: [parsePort(5353)] })).toBe(false);
});
