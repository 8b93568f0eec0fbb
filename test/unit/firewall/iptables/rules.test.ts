import { describe, expect, it } from 'vitest';
import { converge } from '../../../../src/firewall/iptables/converge.ts';
import { observedResources } from '../../../../src/firewall/iptables/observed.ts';
import { emptyTables, wantedTables } from '../../../../src/firewall/iptables/rules.ts';
import { formatRestore } from '../../../../src/kernel/iptables/format-restore.ts';
import { parseSave, type SavedTables } from '../../../../src/kernel/iptables/parse-save.ts';
import type { RoutedResource } from '../../../../src/firewall/index.ts';
import { parseIp, type IpFamily } from '../../../../src/model/index.ts';
import { network, openPort, port, withEveryWay } from '../resources.ts';

const resources: readonly RoutedResource[] = [
  network('tsb-a', ['10.1.0.0/24', 'fd00:1::/64']),
  { ...network('own', ['10.2.0.0/24']), isInternal: true, allowsIcc: false, masquerades: false },
  withEveryWay('tsb-c'),
  {
    ...withEveryWay('tsb-d'),
    routed: [4],
    unprotected: [6],
    hostSources: [parseIp('2001:db8::1')],
    allowsIcc: true,
    antispoofs: true,
  },
  openPort('tcp', 'tsb-c', '10.3.0.2'),
  openPort('sctp', 'tsb-c', 'fd00:3::2'),
  port('tcp', 8080, '10.1.0.2'),
  port('udp', 8080, 'fd00:1::2'),
  port('tcp', 8081, '10.1.0.2', '192.0.2.1'),
];

const nothing: SavedTables = new Map();

function restoreText(saved: SavedTables, family: IpFamily, wanted = wantedTables(resources, family)): string {
  return formatRestore(wanted.flatMap((table) => converge(saved, table) ?? []));
}

/** What iptables-save prints after a first restore. */
function savedAfter(text: string): SavedTables {
  const lines = text.split('\n').map((line) => line.replace(/^-I (\S+) \d+ /, '-A $1 '));
  const builtIn = [...new Set(lines.flatMap((line) => /^-A ([A-Z]+) /.exec(line)?.[1] ?? []))];
  return parseSave(
    lines
      .flatMap((line) =>
        line.startsWith('*') ? [line, ...builtIn.map((name) => `:${name} ACCEPT [0:0]`)] : [line],
      )
      .join('\n'),
  );
}

describe('the rules of networks and ports', () => {
  it.each([4, 6] as const)('are these for IPv%i', async (family) => {
    await expect(restoreText(nothing, family)).toMatchFileSnapshot(`ipv${family}.rules`);
  });

  it('are read back as networks and ports', () => {
    const saved = new Map(
      ([4, 6] as const).map((family) => [family, savedAfter(restoreText(nothing, family))]),
    );
    const found = observedResources(saved);
    expect(found).toHaveLength(resources.length);
    expect(found).toEqual(expect.arrayContaining([...resources]));
  });

  it('are left alone when they are there', () => {
    expect(restoreText(savedAfter(restoreText(nothing, 4)), 4)).toBe('');
  });

  it('are taken away to the last', () => {
    const saved = savedAfter(restoreText(nothing, 6));
    expect(restoreText(saved, 6, emptyTables(6)).split('\n')).toEqual([
      '*raw',
      '-D PREROUTING -j TSNET-GUARD',
      '-F TSNET-GUARD',
      '-X TSNET-GUARD',
      'COMMIT',
      '*mangle',
      '-D FORWARD -j TSNET-FILTER',
      '-F TSNET-FILTER',
      '-F TSNET-OPEN',
      '-X TSNET-FILTER',
      '-X TSNET-OPEN',
      'COMMIT',
      '*nat',
      '-D PREROUTING -m addrtype --dst-type LOCAL -j TSNET-PUBLISH',
      '-D OUTPUT ! -d ::1/128 -m addrtype --dst-type LOCAL -j TSNET-PUBLISH',
      '-D POSTROUTING -j TSNET-MASQUERADE',
      '-F TSNET-PUBLISH',
      '-F TSNET-MASQUERADE',
      '-X TSNET-PUBLISH',
      '-X TSNET-MASQUERADE',
      'COMMIT',
      '*filter',
      '-D FORWARD -j TSNET-FORWARD',
      '-F TSNET-FORWARD',
      '-X TSNET-FORWARD',
      'COMMIT',
      '',
    ]);
  });
});

describe('the jump from FORWARD', () => {
  const chain = restoreText(nothing, 4)
    .split('\n')
    .filter((line) => line.startsWith('-A TSNET-FORWARD'));

  function changeFor(...forward: readonly string[]): string[] {
    const rules = forward.map((target) => `-A FORWARD -j ${target}`);
    const text = ['*filter', ':FORWARD DROP [0:0]', ':TSNET-FORWARD - [0:0]', ...chain, ...rules].join('\n');
    const filter = wantedTables(resources, 4).filter(({ table }) => table === 'filter');
    return restoreText(parseSave(text), 4, filter).split('\n').slice(1, -2);
  }

  it.each([
    [['TSNET-FORWARD'], []],
    [['TSNET-FORWARD', 'OTHER'], []],
    [['DOCKER-USER', 'TSNET-FORWARD', 'OTHER'], []],
    [['OTHER'], ['-I FORWARD 1 -j TSNET-FORWARD']],
    [['DOCKER-USER', 'OTHER'], ['-I FORWARD 2 -j TSNET-FORWARD']],
    [
      ['OTHER', 'TSNET-FORWARD'],
      ['-D FORWARD -j TSNET-FORWARD', '-I FORWARD 1 -j TSNET-FORWARD'],
    ],
    [
      ['TSNET-FORWARD', 'DOCKER-USER', 'OTHER'],
      ['-D FORWARD -j TSNET-FORWARD', '-I FORWARD 2 -j TSNET-FORWARD'],
    ],
    [
      ['DOCKER-USER', 'TSNET-FORWARD', 'TSNET-FORWARD'],
      ['-D FORWARD -j TSNET-FORWARD', '-D FORWARD -j TSNET-FORWARD', '-I FORWARD 2 -j TSNET-FORWARD'],
    ],
  ])('of a chain with %j needs %j', (forward, expected) => {
    expect(changeFor(...forward)).toEqual(expected);
  });
});
