import { describe, expect, it } from 'vitest';

import { native } from '../../../src/kernel/native.ts';
import {
  attribute,
  dumpLinks,
  errorOf,
  getLoopback,
  ifinfo,
  message,
  netlinkSocket,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLMSG_DONE,
  NLMSG_ERROR,
  replies,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './messages.ts';
import { openDescriptors, usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();
const last = (lastSequence: number, timeoutMs = 5_000) =>
  ({ lastSequence, until: 'last', timeoutMs }) as const;

/** Asks for a link that does not exist. */
const missing = (sequence: number) => message(RTM_GETLINK, NLM_F_ACK, sequence, ifinfo(4_711));

/** The payloads of all RTM_NEWLINK replies, as hexadecimal digits. */
async function linksIn(netns?: string): Promise<string[]> {
  const socket = native().openSocket(netns === undefined ? netlinkSocket : { ...netlinkSocket, netns });
  const answer = replies(await socket.exchange(dumpLinks(1), last(1)));
  socket.close();
  expect(answer.at(-1)?.type).toBe(NLMSG_DONE);
  return answer.filter((reply) => reply.type === RTM_NEWLINK).map((reply) => reply.payload.toString('hex'));
}

describe('openSocket', () => {
  it('opens a socket that stays inside the namespace', async () => {
    const netns = namespaces.create('blue');
    const socket = native().openSocket({ ...netlinkSocket, netns });
    // A bridge named "only-here" (IFLA_IFNAME 3, IFLA_LINKINFO 18 with IFLA_INFO_KIND 1).
    const name = Buffer.from('\x0e\x00\x03\x00only-here\x00\x00\x00', 'latin1');
    const kind = Buffer.from('\x10\x00\x12\x00\x0b\x00\x01\x00bridge\x00\x00', 'latin1');
    const create = message(RTM_NEWLINK, NLM_F_ACK | 0x600, 7, Buffer.concat([ifinfo(0), name, kind]));
    const [ack] = replies(await socket.exchange(create, last(7)));
    expect(ack && errorOf(ack)).toBe(0);
    socket.close();

    const hex = Buffer.from('only-here').toString('hex');
    expect((await linksIn(netns)).filter((link) => link.includes(hex))).toHaveLength(1);
    expect((await linksIn()).filter((link) => link.includes(hex))).toHaveLength(0);
  });

  it.each([
    ['a missing file', '/nonexistent/netns', { errno: 2, code: 'ENOENT', syscall: 'open' }],
    ['no namespace', '/etc/passwd', { errno: 22, code: 'EINVAL', syscall: 'setns' }],
    ['another kind of namespace', '/proc/self/ns/mnt', { errno: 22, code: 'EINVAL', syscall: 'setns' }],
  ])('refuses %s', (_, netns, expected) => {
    expect(() => native().openSocket({ ...netlinkSocket, netns })).toThrow(expect.objectContaining(expected));
  });

  it('names what failed in the message', () => {
    expect(() => native().openSocket({ ...netlinkSocket, netns: '/nonexistent' })).toThrow(
      'open: No such file or directory',
    );
    expect(() => native().openSocket({ ...netlinkSocket, protocol: 30 })).toThrow(
      expect.objectContaining({ code: 'EPROTONOSUPPORT', syscall: 'socket' }),
    );
    expect(() => native().openSocket({ ...netlinkSocket, options: [[270, 9999, 1]] })).toThrow(
      expect.objectContaining({ code: 'ENOPROTOOPT', syscall: 'setsockopt' }),
    );
  });

  it('leaves no descriptor behind', async () => {
    const netns = namespaces.create('blue');
    const before = openDescriptors();
    for (let round = 1; round <= 1_000; round++) {
      const socket = native().openSocket({ ...netlinkSocket, netns });
      if (round % 10 === 0) await socket.exchange(getLoopback(round), last(round));
      socket.close();
      socket.close();
    }
    expect(openDescriptors()).toBe(before);
  });
});

describe('exchange', () => {
  it('answers 1,000 pipelined requests, each with its own replies', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const sequences = Array.from({ length: 1_000 }, (_, index) => index + 1);
    const answers = await Promise.all(
      sequences.map((sequence) => socket.exchange(getLoopback(sequence), last(sequence))),
    );
    for (const [index, answer] of answers.entries()) {
      expect(replies(answer).map((reply) => [reply.type, reply.sequence])).toEqual([
        [RTM_NEWLINK, index + 1],
        [NLMSG_ERROR, index + 1],
      ]);
    }
    socket.close();
  });

  it.each([1_000, 10_000])('answers %d messages in one datagram', async (count) => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const request = Buffer.concat(Array.from({ length: count }, (_, index) => getLoopback(index + 1)));
    const answer = replies(await socket.exchange(request, last(count)));
    expect(answer.filter((reply) => reply.type === RTM_NEWLINK)).toHaveLength(count);
    expect(answer.filter((reply) => reply.type === NLMSG_ERROR)).toHaveLength(count);
    socket.close();
  });

  it('sends and receives messages of several megabytes', async () => {
    const netns = namespaces.create('blue');
    const refused = async (size: number, options: [number, number, number][]) => {
      const socket = native().openSocket({ ...netlinkSocket, netns, options });
      const request = message(RTM_GETLINK, NLM_F_ACK, 1, Buffer.alloc(size, 0xff));
      const [refusal] = replies(await socket.exchange(request, last(1)));
      const [link] = replies(await socket.exchange(getLoopback(2), last(2)));
      expect(link?.type).toBe(RTM_NEWLINK);
      socket.close();
      return refusal?.payload.length;
    };
    expect(await refused(12 << 20, [])).toBeLessThan(1_000);
    // Without NETLINK_CAP_ACK (10) an error returns the whole request.
    expect(await refused(3 << 20, [[270, 10, 0]])).toBeGreaterThan(3 << 20);
  });

  it('goes on to the last message after one has failed', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const request = Buffer.concat([getLoopback(1), missing(2), getLoopback(3)]);
    const answer = replies(await socket.exchange(request, last(3)));
    expect(answer.filter((reply) => reply.type === NLMSG_ERROR).map(errorOf)).toEqual([0, 19, 0]);
    socket.close();
  });

  it('ends at an error when told so, with all that was already there', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const request = Buffer.concat([getLoopback(1), missing(2), missing(3)]);
    // The acknowledgement of 99 never comes.
    const options = { lastSequence: 99, until: 'last-or-error', timeoutMs: 5_000 } as const;
    const answer = replies(await socket.exchange(request, options));
    expect(answer.filter((reply) => reply.type === NLMSG_ERROR).map(errorOf)).toEqual([0, 19, 19]);
    socket.close();
  });

  it('brings the text of an extended acknowledgement', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    // A link whose type is unknown: IFLA_LINKINFO 18 with IFLA_INFO_KIND 1 "nosuch".
    const kind = Buffer.from('\x10\x00\x12\x00\x0b\x00\x01\x00nosuch\x00\x00', 'latin1');
    const request = message(RTM_NEWLINK, NLM_F_ACK | 0x600, 1, Buffer.concat([ifinfo(0), kind]));
    const [refusal] = replies(await socket.exchange(request, last(1)));
    expect(refusal && errorOf(refusal)).toBe(95);
    expect((refusal?.flags ?? 0) & NLM_F_ACK_TLVS).toBe(NLM_F_ACK_TLVS);
    expect(refusal?.payload.toString('latin1')).toContain('Unknown device type');
    socket.close();
  });

  it('gives up after the timeout, and the next exchange is not disturbed', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const noAck = socket.exchange(getLoopback(1, 0), last(1, 30));
    await expect(noAck).rejects.toMatchObject({ errno: 110, code: 'ETIMEDOUT', syscall: 'recvmsg' });
    const answer = replies(await socket.exchange(getLoopback(2), last(2)));
    expect(answer.map((reply) => reply.sequence)).toEqual([2, 2]);
    socket.close();
  });

  it('tells an overrun, and drops what is left of it', async () => {
    const netns = namespaces.create('blue');
    const socket = native().openSocket({ ...netlinkSocket, netns, options: [[1, 33, 4_096]] });
    const many = Buffer.concat(Array.from({ length: 100 }, (_, index) => getLoopback(index + 1)));
    await expect(socket.exchange(many, last(100))).rejects.toMatchObject({ errno: 105, code: 'ENOBUFS' });
    const answer = replies(await socket.exchange(getLoopback(101), last(101)));
    expect(answer.map((reply) => reply.sequence)).toEqual([101, 101]);
    socket.close();
  });

  it('copes with sequence numbers that wrap around', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    for (const sequence of [0xffff_fffe, 0xffff_ffff, 0, 1]) {
      const answer = replies(await socket.exchange(getLoopback(sequence), last(sequence)));
      expect(answer.map((reply) => reply.sequence)).toEqual([sequence, sequence]);
    }
    socket.close();
  });

  it('copies the request at the call', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const request = getLoopback(1);
    const answer = socket.exchange(request, last(1));
    request.fill(0);
    expect(replies(await answer)).toHaveLength(2);
    socket.close();
  });

  it('rejects with ECANCELED when the socket is closed, and with EBADF afterwards', async () => {
    const socket = native().openSocket({ ...netlinkSocket, netns: namespaces.create('blue') });
    const before = openDescriptors();
    const waiting = [1, 2, 3].map((sequence) =>
      socket.exchange(getLoopback(sequence, 0), last(sequence, 60_000)),
    );
    const outcomes = Promise.allSettled(waiting);
    socket.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { errno: 125, code: 'ECANCELED' } });
    }
    await expect(socket.exchange(getLoopback(4), last(4))).rejects.toMatchObject({ code: 'EBADF' });
    // The thread was busy, so the descriptors go when it has noticed.
    await expect.poll(openDescriptors).toBeLessThan(before);
  });

  it('refuses what is no request', () => {
    const socket = native().openSocket(netlinkSocket);
    const broken = getLoopback(1);
    broken.writeUInt32LE(1_000, 0);
    expect(() => socket.exchange(broken, last(1))).toThrow(RangeError);
    expect(() => socket.exchange(Buffer.alloc(15), last(1))).toThrow(RangeError);
    expect(() => socket.exchange(new Uint8Array(new SharedArrayBuffer(32)), last(1))).toThrow(TypeError);
    expect(() => socket.exchange(getLoopback(1), last(2 ** 32))).toThrow(RangeError);
    expect(() => socket.exchange(attribute(1, 1), last(1))).toThrow(RangeError);
    socket.close();
  });
});
