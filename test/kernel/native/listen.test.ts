import { execFile } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { native, type NativeSocket } from '../../../src/kernel/native.ts';
import {
  attribute,
  getLoopback,
  message,
  netlinkSocket,
  NLM_F_ACK,
  replies,
  RTM_NEWLINK,
  RTM_NEWNSID,
  RTNLGRP_LINK,
  setLoopback,
} from './messages.ts';
import { usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();
const last = (lastSequence: number) => ({ lastSequence, until: 'last', timeoutMs: 5_000 }) as const;

const open = (netns: string, options: [number, number, number][] = []): NativeSocket =>
  native().openSocket({ ...netlinkSocket, netns, options });

const none = () => {};
const refuse = (error: Error) => {
  throw error;
};

it('hands over events, and exchanges on the same socket do not mix with them', async () => {
  const netns = namespaces.create('blue');
  const socket = open(netns);
  const events: number[] = [];
  socket.listen(
    [RTNLGRP_LINK],
    (datagram, nsid) => events.push(...replies(datagram).map((event) => (nsid === -1 ? event.type : -2))),
    refuse,
  );
  for (let sequence = 1; sequence <= 200; sequence += 2) {
    await socket.exchange(setLoopback(sequence, sequence % 4 === 1), last(sequence));
    const answer = replies(await socket.exchange(getLoopback(sequence + 1), last(sequence + 1)));
    expect(answer.map((reply) => reply.sequence)).toEqual([sequence + 1, sequence + 1]);
  }
  await expect.poll(() => events.length).toBeGreaterThanOrEqual(100);
  expect(new Set(events)).toEqual(new Set([RTM_NEWLINK]));
  socket.close();
});

it('tells the namespace of an event', async () => {
  const [here, there] = [namespaces.create('here'), namespaces.create('there')];
  const [listener, other] = [open(here), open(there)];
  const descriptor = openSync(there, 'r');
  // NETNSA_NSID 1 and NETNSA_FD 3: from here, `there` is called 42.
  const payload = Buffer.concat([Buffer.alloc(4), attribute(1, 42), attribute(3, descriptor)]);
  await listener.exchange(message(RTM_NEWNSID, NLM_F_ACK, 1, payload), last(1));
  closeSync(descriptor);

  const seen: number[] = [];
  listener.listen([RTNLGRP_LINK], (_, nsid) => seen.push(nsid), refuse);
  await other.exchange(setLoopback(1, true), last(1));
  await expect.poll(() => seen).toContain(42);
  await listener.exchange(setLoopback(2, true), last(2));
  await expect.poll(() => seen).toContain(-1);
  listener.close();
  other.close();
});

it('lets an exception of a listener surface, and goes on', async () => {
  const socket = open(namespaces.create('blue'));
  const uncaught: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  try {
    let calls = 0;
    socket.listen(
      [RTNLGRP_LINK],
      () => {
        calls++;
        throw new Error(`listener ${calls}`);
      },
      refuse,
    );
    await socket.exchange(setLoopback(1, true), last(1));
    await socket.exchange(setLoopback(2, false), last(2));
    await expect.poll(() => calls).toBeGreaterThanOrEqual(2);
    expect(uncaught.slice(0, 2).map(String)).toEqual(['Error: listener 1', 'Error: listener 2']);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
    socket.close();
  }
});

it('reports an overrun to the listener and keeps listening', async () => {
  const netns = namespaces.create('blue');
  const [listener, other] = [open(netns, [[1, 33, 4_096]]), open(netns)];
  const errors: string[] = [];
  let events = 0;
  listener.listen(
    [RTNLGRP_LINK],
    () => events++,
    (error) => errors.push(error.code),
  );
  // One datagram, so that the thread of the listener can't keep up with 500 events.
  const flips = Array.from({ length: 500 }, (_, index) => setLoopback(index + 1, index % 2 === 0));
  await other.exchange(Buffer.concat(flips), last(500));
  await expect.poll(() => errors).toContain('ENOBUFS');
  const before = events;
  await other.exchange(setLoopback(501, true), last(501));
  await expect.poll(() => events).toBeGreaterThan(before);
  listener.close();
  other.close();
});

it('reads packets', async () => {
  const netns = namespaces.create('blue');
  const route = open(netns);
  await route.exchange(setLoopback(1, true), last(1));
  // AF_PACKET, SOCK_RAW, ETH_P_ALL in network byte order.
  const capture = native().openSocket({ netns, domain: 17, type: 3, protocol: 0x0300 });
  const packets: [number, string][] = [];
  capture.listen([], (packet, nsid) => packets.push([nsid, packet.toString('latin1')]), refuse);
  expect(() => capture.listen([], refuse as never, refuse)).toThrow(
    expect.objectContaining({ code: 'EALREADY' }),
  );
  const send = 'printf hello >/dev/udp/127.0.0.1/4711';
  await promisify(execFile)('nsenter', [`--net=${netns}`, 'bash', '-c', send]);
  await expect.poll(() => packets.some(([nsid, text]) => nsid === -1 && text.endsWith('hello'))).toBe(true);
  capture.close();
  route.close();
});

/** AF_PACKET with ETH_P_ALL on the link of index 1. */
const onLoopback = Buffer.from('1100000301000000000000000000000000000000', 'hex');
/** Classic BPF: gives so many bytes of each packet. */
const giveBytes = (bytes: number): Buffer => {
  const instruction = Buffer.alloc(8);
  instruction.writeUInt16LE(0x06, 0);
  instruction.writeUInt32LE(bytes, 4);
  return instruction;
};

it('reads packets in batches, with sender and control messages, through a filter', async () => {
  const netns = namespaces.create('blue');
  const route = open(netns);
  await route.exchange(setLoopback(1, true), last(1));
  // SO_TIMESTAMPNS, so that there is a control message.
  const options = [[1, 35, 1]] as const;
  const packet = { netns, domain: 17, type: 3, protocol: 0, address: onLoopback, options };
  const capture = native().openSocket({ ...packet, filter: giveBytes(30) });
  const none = native().openSocket({ ...packet, filter: giveBytes(0) });
  const records: { address: Buffer; control: Buffer; data: Buffer }[] = [];
  capture.listenInBatches((batch) => {
    for (let at = 0; at < batch.length;) {
      const ends = [0, 4, 8].map((offset) => batch.readUInt32LE(at + offset));
      const [address = 0, control = 0, data = 0] = ends;
      const start = at + 12;
      records.push({
        address: batch.subarray(start, start + address),
        control: batch.subarray(start + address, start + address + control),
        data: batch.subarray(start + address + control, start + address + control + data),
      });
      at = start + address + control + data;
    }
  }, refuse);
  none.listenInBatches(() => expect.fail('the filter passes nothing'), refuse);
  expect(() => capture.listenInBatches(refuse as never, refuse)).toThrow(
    expect.objectContaining({ code: 'EALREADY' }),
  );
  const send = 'for port in {4711..4760}; do printf hello >/dev/udp/127.0.0.1/$port; done; true';
  await promisify(execFile)('nsenter', [`--net=${netns}`, 'bash', '-c', send]);
  // Sent and received, the datagram and the error about it.
  await expect.poll(() => records.length).toBe(200);
  for (const { address, control, data } of records) {
    expect(address.readUInt16LE(0)).toBe(17);
    expect(address.readInt32LE(4)).toBe(1);
    expect([control.readInt32LE(8), control.readInt32LE(12)]).toEqual([1, 35]);
    expect(data.length).toBe(30);
  }
  // PACKET_STATISTICS.
  expect(capture.option(263, 6, 8).readUInt32LE(0)).toBe(200);
  expect(none.option(263, 6, 8).readUInt32LE(0)).toBe(0);
  expect(() => capture.option(263, 9_999, 8)).toThrow(expect.objectContaining({ code: 'ENOPROTOOPT' }));
  for (const socket of [capture, none, route]) socket.close();
  expect(() => capture.option(263, 6, 8)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

it('closes inside its own callback', async () => {
  const netns = namespaces.create('blue');
  const [listener, other] = [open(netns), open(netns)];
  let calls = 0;
  listener.listen(
    [RTNLGRP_LINK],
    () => {
      calls++;
      listener.close();
    },
    refuse,
  );
  const flips = Array.from({ length: 50 }, (_, index) => setLoopback(index + 1, index % 2 === 0));
  await other.exchange(Buffer.concat(flips), last(50));
  await expect.poll(() => calls).toBe(1);
  other.close();
});

it('refuses what can not work', () => {
  const socket = open(namespaces.create('blue'));
  const inet = native().openSocket({ domain: 2, type: 2, protocol: 0 });
  expect(() => inet.listen([], none, none)).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
  expect(() => inet.listenInBatches(none, none)).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
  expect(() => socket.listenInBatches(none, none)).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
  expect(() => socket.listen([0], none, none)).toThrow(RangeError);
  expect(() => socket.listen([1], none, none, 10_001)).toThrow(RangeError);
  expect(() => socket.listen([1, 9_999], none, none)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  // The failed attempt left nothing behind.
  socket.listen([RTNLGRP_LINK], none, none);
  socket.close();
  expect(() => socket.listen([], none, none)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  inet.close();
});
