import { describe, expect, it } from 'vitest';
import { checks, examine } from '../../../../src/inspect/doctor/index.ts';
import { parseIp } from '../../../../src/model/index.ts';
import { route, smallHost, socket, type Changes } from '../port/small-host.ts';

function codesOf(changes: Changes): string[] {
  return examine(smallHost(changes)).findings.map(({ code }) => code);
}

const flow = (answers: string) => ({
  family: 4 as const,
  protocol: 17,
  original: {
    source: parseIp('192.0.2.2'),
    destination: parseIp('192.0.2.1'),
    sourcePort: 4202,
    destinationPort: 5140,
  },
  reply: {
    source: parseIp(answers),
    destination: parseIp('192.0.2.2'),
    sourcePort: 5140,
    destinationPort: 4202,
  },
});

describe('examine', () => {
  it('finds nothing wrong with a healthy host, and names every check', () => {
    const { findings, checks: done } = examine(smallHost());
    expect(findings).toEqual([]);
    expect(done.map(({ name }) => name)).toEqual(checks.map(({ name }) => name));
  });

  it.each<[string, Changes]>([
    ['forwarding.off', { host: { sysctls: { 'ipv4/ip_forward': '0' } } }],
    ['firewall.flushed', { without: /-A / }],
    ['nat.no-masquerade', { without: /MASQUERADE/ }],
    [
      'bridge.accepts-routers',
      {
        host: {
          sysctls: {
            'ipv4/ip_forward': '1',
            'ipv6/conf/br-app/accept_ra': '1',
            'ipv6/conf/br-app/forwarding': '0',
          },
        },
      },
    ],
    ['bridge.down', { bridge: { isUp: false } }],
    ['link.no-master', { hostEnd: { masterIndex: undefined } }],
    ['container.no-default-route', { inside: { routes: [route('10.66.0.0/24', 2)] } }],
    ['listener.none', { inside: { sockets: [] } }],
    ['mtu.too-large', { innerEnd: { mtu: 9000 } }],
    [
      'nat.orphan',
      {
        nat: ['[0:0] -A DOCKER -p tcp -m tcp --dport 99 -j DNAT --to-destination 10.66.0.99:99'],
      },
    ],
    [
      'proxy.orphan',
      {
        host: { sockets: [socket('0.0.0.0', 8088, 'docker-proxy'), socket('0.0.0.0', 8099, 'docker-proxy')] },
      },
    ],
    [
      'conntrack.full',
      {
        host: {
          sysctls: {
            'ipv4/ip_forward': '1',
            'netfilter/nf_conntrack_max': '100',
            'netfilter/nf_conntrack_count': '100',
          },
        },
      },
    ],
    ['link.leaked', { inside: { processes: [] }, web: { state: 'exited', pid: 0, attachments: [] } }],
  ])('%s', (code, changes) => {
    expect(codesOf(changes)).toContain(code);
  });

  it('knows a flow that goes on where its port does not lead any more', () => {
    const nat = ['[0:0] -A DOCKER -p udp -m udp --dport 5140 -j DNAT --to-destination 10.66.0.3:5140'];
    expect(codesOf({ nat, host: { flows: [flow('10.66.0.77')] } })).toContain('conntrack.stale');
    expect(codesOf({ nat, host: { flows: [flow('10.66.0.3')] } })).not.toContain('conntrack.stale');
  });

  it('puts errors first', () => {
    const { findings } = examine(smallHost({ innerEnd: { mtu: 9000 }, inside: { sockets: [] } }));
    expect(findings.map(({ severity }) => severity)).toEqual(['error', 'warning']);
  });
});
