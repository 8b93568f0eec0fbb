import { describe, expect, it } from 'vitest';
import { routeFromTables } from '../../../../src/inspect/port/index.ts';
import { parseIp, parseSubnet } from '../../../../src/model/index.ts';
import type { NetnsView } from '../../../../src/observe/host/snapshot.ts';
import { route, smallHost } from './small-host.ts';

function hostWith(changes: Partial<NetnsView>): NetnsView {
  const [host] = smallHost({ host: changes }).snapshot.namespaces;
  if (host === undefined) throw new Error('no host');
  return host;
}

describe('routeFromTables', () => {
  const to = parseIp('10.66.0.3');

  it('takes the longest prefix, then the lowest metric', () => {
    const netns = hostWith({
      routes: [
        route(undefined, 2, '192.0.2.2'),
        route('10.66.0.0/24', 3),
        { ...route('10.66.0.0/25', 2, '192.0.2.9'), metric: 20 },
        { ...route('10.66.0.0/25', 2, '192.0.2.8'), metric: 10 },
      ],
    });
    expect(routeFromTables({ netns, to })).toMatchObject({
      link: 'uplink0',
      gateway: '192.0.2.8',
      entry: '10.66.0.0/25 via 192.0.2.8 dev uplink0',
    });
  });

  it('asks tables in the order of the rules that are meant', () => {
    const rules = [
      { family: 4, priority: 100, action: 'table', table: 7, from: parseSubnet('192.0.2.0/24') },
      { family: 4, priority: 200, action: 'unreachable', mark: 5 },
      { family: 4, priority: 32_766, action: 'table', table: 254 },
    ] as const;
    const routes = [route('10.66.0.0/24', 3), { ...route(undefined, 2, '192.0.2.7'), table: 7 }];
    const netns = hostWith({ policyRules: rules, routes });
    expect(routeFromTables({ netns, to })).toMatchObject({ link: 'br-app' });
    expect(routeFromTables({ netns, to, from: parseIp('192.0.2.5') })).toMatchObject({ link: 'uplink0' });
    expect(routeFromTables({ netns, to, mark: 5 })).toEqual({ kind: 'none', why: 'unreachable' });
  });

  it('passes over prefixes that a rule suppresses, and links that are down', () => {
    const policyRules = [
      { family: 4, priority: 1, action: 'table', table: 254, suppressPrefixLength: 0 },
    ] as const;
    const netns = hostWith({ policyRules, routes: [route(undefined, 2, '192.0.2.2')] });
    expect(routeFromTables({ netns, to })).toEqual({ kind: 'none', why: 'unreachable' });
  });
});
