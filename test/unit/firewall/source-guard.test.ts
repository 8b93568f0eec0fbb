import { describe, expect, it } from 'vitest';
import { elementsOf, frameFiltersOf, guardsOf } from '../../../src/firewall/source-guard/elements.ts';
import { formatTable, numberOfRules, tableComment } from '../../../src/firewall/source-guard/structure.ts';
import {
  parseIfName,
  parseIp,
  parseMac,
  type FrameFilter,
  type SourceGuard,
} from '../../../src/model/index.ts';

const guard = (link: string, mac: string, ...addresses: readonly string[]): SourceGuard => ({
  kind: 'source-guard',
  link: parseIfName(link),
  mac: parseMac(mac),
  addresses: addresses.map((ip) => parseIp(ip)),
  owner: `endpoint:${link}`,
});

const guards = [
  guard('tsv-a', '02:42:0a:01:00:02', '10.1.0.2', 'fd00:1::2', 'fe80::42:aff:fe01:2'),
  guard('tsv-b', '02:42:0a:01:00:03', 'fe80::42:aff:fe01:3'),
];

const filter: FrameFilter = {
  kind: 'frame-filter',
  bridge: parseIfName('tsb-a'),
  owner: 'network:a',
};

describe('the guards of ports', () => {
  it('stand in a table of their own', async () => {
    await expect(formatTable([...guards, filter].flatMap(elementsOf))).toMatchFileSnapshot(
      'source-guard.nft',
    );
    expect(tableComment).toMatch(/^tsnet guards [0-9a-f]{16}$/);
    expect(numberOfRules).toBe(17);
  });

  it('are read back', () => {
    const elements = [...guards, filter].flatMap(elementsOf);
    expect(guardsOf(elements)).toEqual(guards);
    expect(frameFiltersOf(elements)).toEqual([filter]);
  });

  it('are none without their port, and lack an address that may not be advertised', () => {
    const [whole = guard('x', '02:42:0a:01:00:02')] = guards;
    const elements = elementsOf(whole);
    expect(guardsOf(elements.filter(({ set }) => set.name !== 'ports'))).toEqual([]);
    const [rest] = guardsOf(elements.filter(({ set }) => set.name !== 'targets6'));
    expect(rest?.addresses).toEqual(['10.1.0.2']);
  });
});
