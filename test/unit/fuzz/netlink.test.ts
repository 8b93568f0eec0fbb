import { expect, it } from 'vitest';
import { decodeAddress } from '../../../src/kernel/netlink/addresses.ts';
import { countedLinksOf } from '../../../src/kernel/netlink/counted-links.ts';
import { decodeEvents } from '../../../src/kernel/netlink/events.ts';
import { decodeLink } from '../../../src/kernel/netlink/link.ts';
import { decodeAcknowledgement, decodeDump, splitMessages } from '../../../src/kernel/netlink/message.ts';
import { decodeForwardingEntry, decodeNeighbour } from '../../../src/kernel/netlink/neighbours.ts';
import { decodeNsid } from '../../../src/kernel/netlink/nsids.ts';
import { decodeQdisc } from '../../../src/kernel/netlink/qdiscs.ts';
import { decodeRoute } from '../../../src/kernel/netlink/route.ts';
import { decodeRule } from '../../../src/kernel/netlink/rules.ts';
import type { Reply } from '../../../src/kernel/netlink/message.ts';
import { decodeFlow } from '../../../src/kernel/conntrack/flow.ts';
import {
  decodeElements,
  decodeGeneration,
  decodeListedTable,
  decodeTableComment,
} from '../../../src/kernel/nft/messages.ts';
import { decodeListener } from '../../../src/kernel/sockets/listener.ts';
import { decodeTrace } from '../../../src/kernel/trace/nft-trace-messages.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';

const ports = {
  name: 'ports',
  key: ['inet_proto', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
} as const;
const nets = { name: 'nets', key: ['ifname', 'ipv4_addr'], hasIntervals: true } as const;
const macs = { name: 'macs', key: ['ether_addr', 'ipv6_addr'] } as const;

/** Everything that reads the body of a message. Each meets each: what a message is its type alone says. */
const readers: readonly ((reply: Reply) => unknown)[] = [
  ({ body }) => decodeAddress(body),
  (reply) => countedLinksOf([reply], true),
  ({ body }) => decodeLink(body),
  decodeAcknowledgement,
  ({ body }) => decodeNeighbour(body),
  ({ body }) => decodeForwardingEntry(body),
  decodeNsid,
  ({ body }) => decodeQdisc(body),
  ({ body }) => decodeRoute(body),
  ({ body }) => decodeRule(body),
  ({ body }) => decodeFlow(body),
  (reply) => decodeElements(ports, reply),
  (reply) => decodeElements(nets, reply),
  (reply) => decodeElements(macs, reply),
  decodeGeneration,
  decodeListedTable,
  decodeTableComment,
  ({ body }) => decodeListener('tcp', body),
  decodeTrace,
];

it(
  'answers of the kernel are read or refused as malformed',
  async () => {
    const outcomes = await fuzz({
      name: 'netlink',
      form: 'bytes',
      inputs: 12_000,
      answer: (bytes, random) => {
        decodeEvents(bytes);
        const replies = splitMessages(bytes);
        decodeDump(replies, 5);
        const read = random.pick(readers);
        for (const reply of replies) read(reply);
      },
    });
    expect([...outcomes.keys()].sort()).toEqual(['answered', 'kernel']);
  },
  fuzzTime,
);

it(
  'each kept answer is met by each reader',
  async () => {
    for (const read of readers) {
      await fuzz({
        name: 'netlink',
        form: 'bytes',
        inputs: 400,
        answer: (bytes) => splitMessages(bytes).map((reply) => read(reply)).length,
      });
    }
  },
  fuzzTime,
);
