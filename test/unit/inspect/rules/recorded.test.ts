import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  findTranslations,
  parseRuleSets,
  walk,
  type Hook,
  type Packet,
  type Rules,
} from '../../../../src/inspect/rules/index.ts';
import { parseIp } from '../../../../src/model/index.ts';
import type { RuleSets } from '../../../../src/observe/host/snapshot.ts';

const lan = parseIp('192.0.2.2');
const host = parseIp('192.0.2.1');

/** A rule set as it was recorded, and a port that leads to a container there. */
interface Recorded {
  readonly name: string;
  readonly bridge: string;
  readonly port: number;
  readonly container: string;
  readonly containerPort: number;
  /** What becomes of a packet for another port of the container that comes from the LAN. */
  readonly unpublished: 'accept' | 'drop';
  /** What becomes of a packet that the LAN sends to the container's own address. */
  readonly direct: 'accept' | 'drop';
}

const recorded: readonly Recorded[] = [
  {
    name: 'docker-20.10',
    bridge: 'br-9f24cd43e02e',
    container: '172.18.0.2',
    unpublished: 'drop',
    direct: 'accept',
  },
  {
    name: 'docker-28.5',
    bridge: 'br-7d05af06c786',
    container: '172.18.0.2',
    unpublished: 'drop',
    direct: 'drop',
  },
  { name: 'docker-29', bridge: 'br-app', container: '172.18.0.2', unpublished: 'drop', direct: 'drop' },
  { name: 'tsnet-nftables', bridge: 'hx0', container: '10.1.0.2', unpublished: 'drop', direct: 'accept' },
  { name: 'tsnet-iptables-nft', bridge: 'hx0', container: '10.1.0.2', unpublished: 'drop', direct: 'accept' },
  {
    name: 'tsnet-iptables-legacy',
    bridge: 'hx0',
    container: '10.1.0.2',
    unpublished: 'drop',
    direct: 'accept',
  },
  {
    name: 'netavark-nftables',
    bridge: 'podman0',
    container: '10.88.0.2',
    unpublished: 'accept',
    direct: 'accept',
  },
  {
    name: 'netavark-iptables',
    bridge: 'podman0',
    container: '10.88.0.2',
    unpublished: 'accept',
    direct: 'accept',
  },
  { name: 'cni-portmap', bridge: 'cni0', container: '10.22.0.5', unpublished: 'accept', direct: 'accept' },
].map((one) => ({
  ...one,
  port: { netavark: 8080, cni: 8443 }[one.name.split('-')[0] ?? ''] ?? 8088,
  containerPort: one.name === 'cni-portmap' ? 443 : 80,
})) as readonly Recorded[];

describe.each(recorded)('$name', ({ name, bridge, port, container, containerPort, unpublished, direct }) => {
  const rules = load(name);
  const fromLan: Packet = {
    family: 4,
    protocol: 'tcp',
    source: lan,
    sourcePort: 40_000,
    destination: host,
    destinationPort: port,
    inLink: 'uplink0',
    connection: 'new',
    localAddresses: [host],
  };
  const toContainer: Packet = {
    ...fromLan,
    destination: parseIp(container),
    destinationPort: containerPort,
    outLink: bridge,
  };

  it('leads a published port to its container', () => {
    const { verdict, packet, steps } = walk(rules, 'prerouting', fromLan);
    expect(verdict).toBe('accept');
    expect(packet).toMatchObject({ destination: container, destinationPort: containerPort });
    expect(steps.every(({ isCertain }) => isCertain)).toBe(true);
    expect(walk(rules, 'forward', { ...packet, outLink: bridge }).verdict).toBe('accept');
    expect(walk(rules, 'postrouting', { ...packet, outLink: bridge }).packet.source).toBe(lan);
  });

  it('leads the host’s own connections there', () => {
    const { inLink: _, ...own } = { ...fromLan, source: host, outLink: 'lo' };
    expect(walk(rules, 'output', own).packet).toMatchObject({ destination: container });
  });

  it('finds the rule that claims the port, and none for another', () => {
    const found = findTranslations(rules, { protocol: 'tcp', port });
    expect(found.filter(({ translated }) => translated.ip?.includes(':') !== true)).toMatchObject([
      {
        translated: { ip: container, port: containerPort },
        hooks: ['prerouting', 'output'],
        isCertain: true,
      },
    ]);
    expect(findTranslations(rules, { protocol: 'tcp', port: port + 1000 })).toEqual([]);
    expect(findTranslations(rules, { protocol: 'udp', port })).toEqual([]);
  });

  it('tells what becomes of ports that are not published', () => {
    const sent = { ...toContainer, destinationPort: 81 };
    expect(verdictOf(rules, ['forward'], sent)).toBe(unpublished);
    expect(verdictOf(rules, ['prerouting'], toContainer)).toBe(direct);
  });

  it('lets answers and connections from within pass', () => {
    const answer: Packet = {
      ...fromLan,
      source: parseIp(container),
      sourcePort: containerPort,
      destination: lan,
      destinationPort: 40_000,
      inLink: bridge,
      outLink: 'uplink0',
    };
    expect(verdictOf(rules, ['forward'], { ...answer, connection: 'established' })).toBe('accept');
    expect(verdictOf(rules, ['prerouting', 'forward', 'postrouting'], answer)).toBe('accept');
    const translations = walk(rules, 'postrouting', answer).steps.map(({ outcome }) => outcome);
    expect(translations).toContain('translate-source');
  });
});

describe('ufw', () => {
  const rules = load('ufw');
  const toHost: Packet = {
    family: 4,
    protocol: 'tcp',
    source: lan,
    sourcePort: 40_000,
    destination: host,
    destinationPort: 22,
    inLink: 'uplink0',
    connection: 'new',
    localAddresses: [host],
  };

  it('is read as far as it is certain', () => {
    expect(walk(rules, 'input', toHost).verdict).toBe('accept');
    expect(walk(rules, 'input', { ...toHost, destinationPort: 23 }).verdict).toBe('drop');
    expect(walk(rules, 'input', { ...toHost, inLink: 'lo', destinationPort: 23 }).verdict).toBe('accept');
    // `limit` counts how often one has asked.
    expect(walk(rules, 'input', { ...toHost, destinationPort: 2222 }).verdict).toBe('unknown');
  });

  it('drops what is forwarded unless a route rule allows it', () => {
    const forwarded = {
      ...toHost,
      destination: parseIp('172.18.0.2'),
      destinationPort: 80,
      outLink: 'docker0',
    };
    expect(walk(rules, 'forward', forwarded).verdict).toBe('accept');
    const { steps, verdict } = walk(rules, 'forward', { ...forwarded, destinationPort: 81 });
    expect(verdict).toBe('drop');
    expect(steps.at(-1)).toMatchObject({ chain: 'FORWARD', outcome: 'drop' });
    expect(steps.at(-1)?.rule).toBeUndefined();
  });

  it('is the same for IPv6', () => {
    const toHost6: Packet = {
      ...toHost,
      family: 6,
      source: parseIp('2001:db8:1::2'),
      destination: parseIp('2001:db8:1::1'),
      localAddresses: [parseIp('2001:db8:1::1')],
    };
    expect(walk(rules, 'input', toHost6).verdict).toBe('accept');
    expect(walk(rules, 'input', { ...toHost6, destinationPort: 23 }).verdict).toBe('drop');
  });
});

describe('firewalld', () => {
  const rules = load('firewalld');
  const published: Packet = {
    family: 4,
    protocol: 'tcp',
    source: lan,
    sourcePort: 40_000,
    destination: parseIp('172.18.0.2'),
    destinationPort: 80,
    inLink: 'uplink0',
    outLink: 'br-app',
    connection: 'new',
    localAddresses: [host],
  };

  it('accepts what was translated and rejects what was not', () => {
    const translated = { ...published, original: { destination: host, destinationPort: 8088 } };
    expect(walk(rules, 'forward', translated).verdict).toBe('accept');
    const { steps, verdict } = walk(rules, 'forward', published);
    expect(verdict).toBe('drop');
    expect(steps.at(-1)).toMatchObject({
      chain: 'filter_FWD_public',
      priority: 10,
      outcome: 'reject',
      rule: { text: 'reject with icmpx admin-prohibited' },
      removal: expect.stringMatching(
        /^nft delete rule inet firewalld filter_FWD_public handle \d+$/,
      ) as string,
    });
    expect(walk(rules, 'forward', { ...published, inLink: 'docker0' }).verdict).toBe('accept');
  });

  it('does not take its filter of reverse paths for a loss', () => {
    const source = parseIp('2001:db8:1::2');
    const packet: Packet = { ...published, family: 6, source, destination: parseIp('fd00:1::2') };
    expect(walk(rules, 'prerouting', packet).verdict).toBe('accept');
  });

  it('forwards a port', () => {
    const { packet } = walk(rules, 'prerouting', { ...published, destination: host, destinationPort: 2080 });
    expect(packet).toMatchObject({ destination: '172.18.0.2', destinationPort: 80 });
  });
});

function verdictOf(rules: Rules, hooks: readonly Hook[], packet: Packet): string {
  return (
    hooks.map((hook) => walk(rules, hook, packet).verdict).find((verdict) => verdict !== 'accept') ?? 'accept'
  );
}

function load(name: string): Rules {
  const path = join(import.meta.dirname, '../../../fixtures/rule-sets', `${name}.json`);
  return parseRuleSets(JSON.parse(readFileSync(path, 'utf8')) as RuleSets);
}
