import { describe, expect, it } from 'vitest';
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  nameResolution,
  sectionHeader,
} from '../../../../src/inspect/capture/pcapng.ts';
import { parseIp } from '../../../../src/model/index.ts';
import { readPcapng } from './read-pcapng.ts';

const described = {
  name: 'web/eth0',
  description: 'veth, ünïcode',
  hasLinkHeader: true,
  snapLength: 262_144,
};

describe('a pcapng file', () => {
  it('holds what was put in, for data of every length', () => {
    const time = 1_763_726_400_123_456_789n;
    const packets = [0, 1, 2, 3, 4, 60, 1514].map((size, index) => ({
      interfaceId: index % 2,
      time: time + BigInt(index),
      direction: index % 2 === 0 ? ('in' as const) : ('out' as const),
      length: size + 10,
      data: Buffer.alloc(size, index + 1),
    }));
    const file = readPcapng(
      Buffer.concat([
        sectionHeader({ os: 'Linux', program: 'tsnet', comment: 'odd' }),
        interfaceDescription(described),
        interfaceDescription({ ...described, name: 'host/wg0', hasLinkHeader: false, filter: 'port 80' }),
        nameResolution([
          { ip: parseIp('10.66.0.3'), names: ['web', 'shop'] },
          { ip: parseIp('fd00::3'), names: ['web'] },
        ]),
        ...packets.map(enhancedPacket),
        interfaceStatistics({ interfaceId: 1, start: time, end: time + 5n, received: 12, dropped: 3 }),
      ]),
    );
    expect(file.interfaces).toEqual([
      { name: 'web/eth0', description: 'veth, ünïcode', linkType: 1, digits: 9 },
      { name: 'host/wg0', description: 'veth, ünïcode', linkType: 101, digits: 9 },
    ]);
    expect(file.packets).toEqual(
      packets.map(({ direction, ...packet }) => ({ ...packet, direction: direction === 'in' ? 1 : 2 })),
    );
    expect(file.names).toEqual(
      new Map([
        ['0a420003', ['web', 'shop']],
        ['fd000000000000000000000000000003', ['web']],
      ]),
    );
    expect(file.statistics).toEqual([{ interfaceId: 1, received: 12n, dropped: 3n }]);
  });

  it('leaves no room for a name to break out of its record', () => {
    const file = readPcapng(
      Buffer.concat([
        sectionHeader({ os: 'Linux', program: 'tsnet' }),
        nameResolution([
          { ip: parseIp('10.0.0.1'), names: ['a\0b'] },
          { ip: parseIp('10.0.0.2'), names: ['x'.repeat(70_000)] },
        ]),
      ]),
    );
    expect(file.names).toEqual(new Map([['0a000001', ['ab']]]));
  });
});
