import { describe, expect, it } from 'vitest';
import { sets } from '../../../../src/firewall/nftables/sets.ts';
import {
  decodeElement,
  encodeElement,
  formatElement,
  identityOf,
  type SetElement,
} from '../../../../src/kernel/nft/set-element.ts';
import { parseIfName, parseIp, parsePort, parseSubnet } from '../../../../src/model/index.ts';

const bridge = parseIfName('tsb-a');
const bridgeHex = `${Buffer.from('tsb-a').toString('hex')}${'00'.repeat(11)}`;

const cases: readonly {
  readonly element: SetElement;
  readonly text: string;
  readonly key: string;
  readonly keyEnd?: string;
  readonly data?: string;
}[] = [
  {
    element: {
      set: sets.publish4,
      key: [parseIp('192.0.2.1'), 'udp', parsePort(8080)],
      data: [parseIp('10.1.0.2'), parsePort(80)],
      comment: 'endpoint:4f2a',
    },
    text: '192.0.2.1 . udp . 8080 comment "endpoint:4f2a" : 10.1.0.2 . 80',
    key: 'c0000201 11000000 1f900000',
    data: '0a010002 00500000',
  },
  {
    element: {
      set: sets.publish6_any,
      key: ['sctp', parsePort(65535)],
      data: [parseIp('fd00::2'), parsePort(1)],
    },
    text: 'sctp . 65535 : fd00::2 . 1',
    key: '84000000 ffff0000',
    data: 'fd000000000000000000000000000002 00010000',
  },
  {
    element: { set: sets.subnets4, key: [parseSubnet('10.1.0.0/22'), bridge] },
    text: '10.1.0.0/22 . "tsb-a"',
    key: `0a010000${bridgeHex}`,
    keyEnd: `0a0103ff${bridgeHex}`,
  },
  {
    element: { set: sets.subnets4, key: [parseSubnet('0.0.0.0/0'), bridge] },
    text: '0.0.0.0/0 . "tsb-a"',
    key: `00000000${bridgeHex}`,
    keyEnd: `ffffffff${bridgeHex}`,
  },
  {
    element: { set: sets.subnets6, key: [parseSubnet('fd00:1::8/128'), bridge] },
    text: 'fd00:1::8/128 . "tsb-a"',
    key: `fd000001000000000000000000000008${bridgeHex}`,
    keyEnd: `fd000001000000000000000000000008${bridgeHex}`,
  },
  {
    element: { set: sets.icc_bridges, key: [bridge, bridge] },
    text: '"tsb-a" . "tsb-a"',
    key: bridgeHex + bridgeHex,
  },
];

describe.each(cases)('element $text', ({ element, text, key, keyEnd, data }) => {
  it('has this text', () => {
    expect(formatElement(element)).toBe(text);
  });

  it('has these bytes', () => {
    const bytes = encodeElement(element);
    expect([hex(bytes.key), hex(bytes.keyEnd), hex(bytes.data)]).toEqual(
      [key, keyEnd, data].map((text) => text?.replaceAll(' ', '')),
    );
  });

  it('is read back from them', () => {
    expect(decodeElement(element.set, encodeElement(element), element.comment)).toEqual(element);
  });
});

describe('identityOf', () => {
  it('tells sets and keys apart, but not values and comments', () => {
    const [one] = cases as [(typeof cases)[number]];
    const { set, key } = one.element;
    expect(identityOf(one.element)).toBe('publish4 192.0.2.1 . udp . 8080');
    expect(identityOf({ set, key })).toBe(identityOf(one.element));
    expect(identityOf({ set: sets.publish6, key })).not.toBe(identityOf(one.element));
  });
});

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
