import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addAddressMessage, decodeAddress } from '../../../../src/kernel/netlink/addresses.ts';
import { decodeEvents } from '../../../../src/kernel/netlink/events.ts';
import { decodeLink } from '../../../../src/kernel/netlink/link.ts';
import {
  changeLinkMessage,
  createLinkMessage,
  deleteGroupMessage,
  getLinkMessage,
} from '../../../../src/kernel/netlink/link-messages.ts';
import { MessageWriter } from '../../../../src/kernel/netlink/message-writer.ts';
import { encodeMessages, type Message } from '../../../../src/kernel/netlink/message.ts';
import { decodeForwardingEntry, decodeNeighbour } from '../../../../src/kernel/netlink/neighbours.ts';
import { decodeRoute } from '../../../../src/kernel/netlink/route.ts';
import { addRouteMessage } from '../../../../src/kernel/netlink/routes.ts';
import { decodeRule } from '../../../../src/kernel/netlink/rules.ts';
import { decodeFlow } from '../../../../src/kernel/conntrack/flow.ts';
import { decodeListener } from '../../../../src/kernel/sockets/listener.ts';
import { parseAddress, parseIp, parseSubnet, TsnetError } from '../../../../src/model/index.ts';

/** The body in hexadecimal, four bytes at a time as messages are laid out. */
const inWords = ({ body }: Message): string =>
  Buffer.from(body)
    .toString('hex')
    .replaceAll(/.{8}(?=.)/g, '$& ');

describe('requests', () => {
  it('ask for a link by name without counters', () => {
    expect(inWords(getLinkMessage('lo'))).toBe(
      '00000000 00000000 00000000 00000000 08001d00 08000000 07000300 6c6f0000',
    );
  });

  it('create a link that is up, exclusively', () => {
    const message = createLinkMessage('bridge', { name: 'b', up: true });
    expect(message.flags).toBe(0x600);
    expect(inWords(message)).toBe(
      '00000000 00000000 01000000 01000000 06000300 62000000 10001280 0b000100 62726964 67650000',
    );
  });

  it('select by name, or by index to rename', () => {
    expect(inWords(changeLinkMessage('a', { mtu: 1400 }))).toBe(
      '00000000 00000000 00000000 00000000 06000300 61000000 08000400 78050000',
    );
    expect(inWords(changeLinkMessage(7, { name: 'c' }))).toBe(
      '00000000 07000000 00000000 00000000 06000300 63000000',
    );
    expect(inWords(deleteGroupMessage(9, ''))).toBe('00000000 00000000 00000000 00000000 08001b00 09000000');
  });

  it('give an address and read it back', () => {
    const address = parseAddress('fd00::2/64');
    const message = addAddressMessage({ link: 'eth0', address, noDad: true }, 5);
    expect(decodeAddress(Buffer.from(message.body))).toMatchObject({
      linkIndex: 5,
      address,
      scope: 'global',
      flags: 2,
    });
  });

  it('make a route and read it back', () => {
    const message = addRouteMessage(
      {
        destination: parseSubnet('10.2.0.0/16'),
        gateway: parseIp('10.1.0.1'),
        table: 1000,
        metric: 7,
        mtu: 1300,
      },
      3,
    );
    expect(decodeRoute(Buffer.from(message.body))).toMatchObject({
      family: 4,
      destination: '10.2.0.0/16',
      table: 1000,
      type: 'unicast',
      scope: 'global',
      protocol: 4,
      metric: 7,
      mtu: 1300,
      nextHops: [{ gateway: '10.1.0.1', linkIndex: 3, weight: 1 }],
    });
  });
});

describe('routes', () => {
  it('of several hops, one of them over the other family', () => {
    const header = Buffer.of(2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0);
    const first = Buffer.concat([
      Buffer.of(16, 0, 0, 4, 7, 0, 0, 0),
      new MessageWriter(Buffer.alloc(0)).ip(5, parseIp('10.1.0.1')).body,
    ]);
    const via = Buffer.concat([Buffer.of(10, 0), Buffer.from('fe800000000000000000000000000001', 'hex')]);
    const rest = new MessageWriter(Buffer.alloc(0)).bytes(18, via).body;
    const second = Buffer.concat([Buffer.of(8 + rest.length, 0, 0, 0, 8, 0, 0, 0), rest]);
    const { body } = new MessageWriter(header).bytes(9, Buffer.concat([first, second]));
    expect(decodeRoute(body)).toMatchObject({
      destination: undefined,
      nextHops: [
        { gateway: '10.1.0.1', linkIndex: 7, weight: 5 },
        { gateway: 'fe80::1', linkIndex: 8, weight: 1 },
      ],
    });
  });
});

const link = (family: number): Buffer => {
  const header = Buffer.alloc(16);
  header.writeUInt8(family, 0);
  header.writeInt32LE(4, 4);
  return new MessageWriter(header).string(3, 'x').body;
};

const datagram = (type: number, body: Buffer): Buffer =>
  encodeMessages([{ type, body, doing: '' }], 0, () => 0);

describe('events', () => {
  it('tell what was deleted and where', () => {
    expect(decodeEvents(datagram(17, link(0)), 3)).toMatchObject([
      { kind: 'link', action: 'deleted', nsid: 3, link: { name: 'x' } },
    ]);
    expect(decodeEvents(datagram(16, link(0)))).toMatchObject([{ action: 'set', nsid: undefined }]);
  });

  it('do not take a link that leaves a bridge for a link that ends', () => {
    expect(decodeEvents(datagram(17, link(7)))).toEqual([]);
  });
});

describe('any bytes', () => {
  const decoders = [
    decodeLink,
    decodeAddress,
    decodeRoute,
    decodeRule,
    decodeNeighbour,
    decodeForwardingEntry,
    decodeFlow,
    decodeEvents,
    (body: Buffer): unknown => decodeListener('tcp', body),
  ];
  /** Bytes at random seldom make attributes; so attributes at random are tried as well. */
  const attributes = fc
    .array(fc.tuple(fc.nat(60), fc.uint8Array({ maxLength: 24 })), { maxLength: 8 })
    .map((list) => {
      const writer = new MessageWriter(Buffer.alloc(0));
      for (const [type, payload] of list) writer.bytes(type, payload);
      return Buffer.from(writer.body);
    });
  const body = fc
    .tuple(fc.uint8Array({ maxLength: 80 }), attributes)
    .map(([header, rest]) => Buffer.concat([header, rest]));

  it('are decoded or refused as malformed', () => {
    fc.assert(
      fc.property(body, fc.constantFrom(2, 10, 7), (bytes, family) => {
        if (bytes.length > 0) bytes.writeUInt8(family, 0);
        for (const decode of decoders) {
          try {
            decode(bytes);
          } catch (error) {
            if (!(error instanceof TsnetError)) throw error;
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});
