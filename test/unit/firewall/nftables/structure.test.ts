import { describe, expect, it } from 'vitest';
import { elementsOf } from '../../../../src/firewall/nftables/elements.ts';
import { formatTable, numberOfRules, structureDigest } from '../../../../src/firewall/nftables/structure.ts';
import { network, openPort, port, withEveryWay } from '../resources.ts';

describe('formatTable', () => {
  it('gives the structure of table inet tsnet', async () => {
    await expect(formatTable()).toMatchFileSnapshot('structure.nft');
  });

  it('gives networks and ports as elements', async () => {
    const resources = [
      network('tsb-a', ['10.1.0.0/24', 'fd00:1::/64']),
      { ...network('tsb-b', ['10.2.0.0/24']), isInternal: true, allowsIcc: false, masquerades: false },
      withEveryWay('tsb-c'),
      openPort('tcp', 'tsb-c', '10.3.0.2'),
      openPort('sctp', 'tsb-c', 'fd00:3::2'),
      port('tcp', 8080, '10.1.0.2'),
      port('udp', 8080, 'fd00:1::2'),
      port('tcp', 8081, '10.1.0.2', '192.0.2.1'),
      port('sctp', 8081, 'fd00:1::2', '2001:db8::1'),
    ];
    const [, elements] = formatTable(resources.flatMap(elementsOf)).split('\n}\n');
    await expect(elements).toMatchFileSnapshot('elements.nft');
  });

  it('has a digest that changes with it', () => {
    // Changes only together with the structure, which then replaces that of a running system.
    expect(formatTable()).toContain(`comment "tsnet structure ${structureDigest}"`);
    expect(structureDigest).toMatch(/^[0-9a-f]{16}$/);
    expect(numberOfRules).toBe(38);
  });
});
