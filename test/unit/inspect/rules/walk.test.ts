import { describe, expect, it } from 'vitest';
import {
  describeRule,
  findTranslations,
  parseRuleSets,
  walk,
  type Hook,
  type Packet,
  type Rules,
} from '../../../../src/inspect/rules/index.ts';
import { parseIp } from '../../../../src/model/index.ts';

const host = parseIp('192.0.2.1');

const packet: Packet = {
  family: 4,
  protocol: 'tcp',
  source: parseIp('192.0.2.9'),
  destination: host,
  sourcePort: 40_000,
  destinationPort: 8088,
  inLink: 'uplink0',
  connection: 'new',
  localAddresses: [host],
};

describe('a step', () => {
  const rules = parseIptables(`*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
[7:420] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
[5:300] -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80
COMMIT
`);

  it('names the rule, its counters, what it did and what takes it away', () => {
    const { steps, verdict, packet: next } = walk(rules, 'prerouting', packet);
    expect(verdict).toBe('accept');
    const place = { hook: 'prerouting', priority: -100, author: 'iptables-nft', family: 'ip', table: 'nat' };
    const translation = '! -i docker0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80';
    expect(steps).toEqual([
      {
        ...place,
        chain: 'PREROUTING',
        rule: {
          position: 1,
          text: '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
          packets: 7,
          bytes: 420,
        },
        outcome: 'jump',
        isCertain: true,
        removal: 'iptables -t nat -D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      },
      {
        ...place,
        chain: 'DOCKER',
        rule: { position: 2, text: `-A DOCKER ${translation}`, packets: 5, bytes: 300 },
        outcome: 'translate-destination',
        translated: { ip: '172.17.0.2', port: 80 },
        isCertain: true,
        removal: `iptables -t nat -D DOCKER ${translation}`,
      },
    ]);
    expect(next).toMatchObject({
      destination: '172.17.0.2',
      destinationPort: 80,
      original: { destination: host, destinationPort: 8088 },
    });
  });

  it('is described on one line', () => {
    const [step] = walk(rules, 'prerouting', packet).steps;
    expect(step && describeRule(step)).toBe(
      'iptables nat PREROUTING rule 1: -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    );
  });

  it('has a command to take it away that is safe to paste', () => {
    const hostile = parseIptables(
      '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m comment --comment "$(reboot) \'x\' \\"y\\"" -j DROP\nCOMMIT\n',
      'legacy',
    );
    expect(walk(hostile, 'forward', packet).steps[0]?.removal).toBe(
      String.raw`iptables-legacy -D FORWARD -m comment --comment '$(reboot) '\''x'\'' "y"' -j DROP`,
    );
  });

  it('names the program where both flavours are in use', () => {
    const text = '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j DROP\nCOMMIT\n';
    const both = parseRuleSets({
      iptables: [
        { flavour: 'nft', family: 4, text },
        { flavour: 'legacy', family: 4, text: '' },
      ],
    });
    expect(walk(both, 'forward', packet).steps[0]?.removal).toBe('iptables-nft -D FORWARD -j DROP');
  });
});

describe('the order of asking', () => {
  it('goes on after an accept and ends with a drop', () => {
    const rules = parseNft([
      chain('corp', 'guard', 'forward', 10, 'drop'),
      chain('early', 'accepts', 'forward', -10, 'accept'),
      rule('early', 'accepts', [{ accept: null }]),
    ]);
    const { steps, verdict } = walk(rules, 'forward', packet);
    expect(verdict).toBe('drop');
    expect(steps.map(({ table, outcome, rule }) => [table, outcome, rule?.text])).toEqual([
      ['early', 'accept', 'accept'],
      ['corp', 'drop', undefined],
    ]);
  });

  it('asks nat only for new connections, filter for all', () => {
    const rules = parseIptables(
      '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination 10.0.0.2\nCOMMIT\n',
    );
    expect(walk(rules, 'prerouting', packet).packet.destination).toBe('10.0.0.2');
    expect(walk(rules, 'prerouting', { ...packet, connection: 'established' }).steps).toEqual([]);
    expect(walk(rules, 'prerouting', packet, { type: 'filter' }).steps).toEqual([]);
    expect(walk(rules, 'prerouting', packet, { type: 'nat' }).steps).toHaveLength(1);
  });

  it('leaves out tables that sleep and families that are not asked', () => {
    const rules = parseNft([
      { table: { family: 'inet', name: 'asleep', flags: ['dormant'] } },
      { table: { family: 'ip6', name: 'six' } },
      { table: { family: 'bridge', name: 'frames' } },
      { chain: { ...base('asleep', 'forward', 0, 'drop') } },
      { chain: { ...base('six', 'forward', 0, 'drop'), family: 'ip6' } },
      { chain: { ...base('frames', 'forward', 0, 'drop'), family: 'bridge' } },
    ]);
    expect(walk(rules, 'forward', packet)).toMatchObject({ steps: [], verdict: 'accept' });
    expect(walk(rules, 'forward', packet, { family: 'bridge' }).verdict).toBe('drop');
  });

  it('walks a table once that both programs print', () => {
    const chain = {
      family: 'ip',
      table: 'filter',
      name: 'FORWARD',
      type: 'filter',
      hook: 'forward',
      prio: 0,
    };
    const nft = {
      nftables: [
        { table: { family: 'ip', name: 'filter', handle: 3 } },
        { chain: { ...chain, policy: 'accept' } },
        {
          rule: {
            ...chain,
            chain: 'FORWARD',
            handle: 9,
            expr: [{ xt: { type: 'match', name: 'set' } }, { drop: null }],
          },
        },
      ],
    };
    const text = '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 10.0.0.1/32 -j DROP\nCOMMIT\n';
    const saved = parseRuleSets({ nft, iptables: [{ flavour: 'nft', family: 4, text }] });
    expect(walk(saved, 'forward', packet).steps).toMatchObject([
      { author: 'iptables-nft', outcome: 'accept' },
    ]);
    const unsaved = walk(parseRuleSets({ nft, iptables: [] }), 'forward', packet);
    expect(unsaved.steps[0]).toMatchObject({
      author: 'iptables-nft',
      outcome: 'unknown',
      isCertain: false,
      removal: 'nft delete rule ip filter FORWARD handle 9',
    });
  });
});

describe('what can’t be told', () => {
  it.each([
    ['-m set --match-set bad src -j DROP', 'ACCEPT', 'unknown'],
    ['-m set --match-set bad src -j DROP', 'DROP', 'drop'],
    ['-m set --match-set good src -j ACCEPT', 'ACCEPT', 'accept'],
    ['-m limit --limit 5/sec -j LOG --log-prefix x', 'ACCEPT', 'accept'],
    ['-m limit --limit 5/sec -s 10.9.9.9/32 -j DROP', 'ACCEPT', 'accept'],
    ['-j NFQUEUE --queue-num 1', 'ACCEPT', 'unknown'],
  ])('%s, policy %s: %s', (body, policy, verdict) => {
    const rules = parseIptables(`*filter\n:FORWARD ${policy} [0:0]\n-A FORWARD ${body}\nCOMMIT\n`);
    expect(walk(rules, 'forward', packet).verdict).toBe(verdict);
  });

  it('is followed through chains: only what ends otherwise is unknown', () => {
    const rules = (target: string) =>
      parseIptables(
        `*filter\n:FORWARD ACCEPT [0:0]\n:F - [0:0]\n-A FORWARD -m recent --rcheck -j F\n-A F -m mark --mark 0x1 -j DROP\n-A F -m statistic --mode random -j ${target}\nCOMMIT\n`,
      );
    expect(walk(rules('RETURN'), 'forward', packet).verdict).toBe('accept');
    expect(walk(rules('DROP'), 'forward', packet).verdict).toBe('unknown');
  });

  it('is met and named', () => {
    const rules = parseNft([
      chain('t', 'c', 'forward', 0, 'accept'),
      rule('t', 'c', [{ limit: { rate: 5, per: 'second', burst: 5 } }, { drop: null }]),
    ]);
    expect(walk(rules, 'forward', packet)).toMatchObject({
      verdict: 'unknown',
      steps: [{ outcome: 'unknown', isCertain: false, rule: { text: 'limit rate 5/second drop' } }, {}],
    });
  });

  it('does not take for ever', () => {
    const marks = Array.from(
      { length: 30 },
      () => '-A FORWARD -m statistic --mode random -j MARK --set-xmark 0x1/0x1',
    );
    const rules = parseIptables(`*filter\n:FORWARD ACCEPT [0:0]\n${marks.join('\n')}\nCOMMIT\n`);
    expect(walk(rules, 'forward', packet).verdict).toBe('unknown');
  });

  it('does not follow doubled jumps for ever', () => {
    const names = Array.from({ length: 40 }, (_, index) => `C${index}`);
    const jumps = names.slice(1).map((to, index) => `-A C${index} -j ${to}\n-A C${index} -j ${to}`);
    const rules = parseIptables(
      `*filter\n:FORWARD ACCEPT [0:0]\n${names.map((name) => `:${name} - [0:0]`).join('\n')}\n-A FORWARD -j C0\n${jumps.join('\n')}\nCOMMIT\n`,
    );
    expect(walk(rules, 'forward', packet).verdict).toBe('unknown');
  });

  it('ends where chains jump in a circle', () => {
    const rules = parseIptables(
      '*filter\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A FORWARD -j A\n-A A -j B\n-A B -j A\nCOMMIT\n',
    );
    expect(walk(rules, 'forward', packet).verdict).toBe('unknown');
    expect(findTranslations(rules, { protocol: 'tcp', port: 1 })).toEqual([]);
  });

  it.each([
    undefined,
    null,
    5,
    'x',
    [],
    { nftables: 5 },
    { nftables: [null, { rule: null }, { chain: {} }] },
  ])('takes %j for no rules', (nft) => {
    expect(walk(parseRuleSets({ nft, iptables: [] }), 'forward', packet).verdict).toBe('accept');
  });
});

describe('targets of iptables', () => {
  const translated = (body: string, hook: Hook = 'prerouting', from: Packet = packet) => {
    const name = hook.toUpperCase();
    const rules = parseIptables(`*nat\n:${name} ACCEPT [0:0]\n-A ${name} ${body}\nCOMMIT\n`);
    return walk(rules, hook, from).steps[0];
  };

  it.each([
    ['-j DNAT --to-destination 10.0.0.2:80', { ip: '10.0.0.2', port: 80 }, true],
    ['-j DNAT --to-destination 10.0.0.2', { ip: '10.0.0.2' }, true],
    ['-j DNAT --to-destination :80', { port: 80 }, true],
    ['-j DNAT --to-destination 10.0.0.2-10.0.0.9:80-90', { ip: '10.0.0.2' }, false],
    ['-p tcp -j REDIRECT --to-ports 80', { ip: host, port: 80 }, false],
  ])('%s', (body, result, isCertain) => {
    expect(translated(body)).toMatchObject({
      outcome: 'translate-destination',
      translated: result,
      isCertain,
    });
  });

  it('leads to where the packet came in', () => {
    const inAddress = parseIp('192.0.2.77');
    const step = translated('-p tcp -j REDIRECT --to-ports 80', 'prerouting', { ...packet, inAddress });
    expect(step).toMatchObject({ translated: { ip: inAddress, port: 80 }, isCertain: true });
    expect(translated('-p tcp -j REDIRECT --to-ports 80', 'output')).toMatchObject({
      translated: { ip: '127.0.0.1', port: 80 },
    });
  });

  it('reads IPv6 in brackets', () => {
    const text =
      '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination [fd00::2]:80\nCOMMIT\n';
    const rules = parseRuleSets({ iptables: [{ flavour: 'nft', family: 6, text }] });
    const source = parseIp('fd00::9');
    const destination = parseIp('fd00::1');
    const { steps, packet: next } = walk(rules, 'prerouting', { ...packet, family: 6, source, destination });
    expect(next).toMatchObject({ destination: 'fd00::2', destinationPort: 80 });
    expect(steps[0]?.removal).toBe("ip6tables -t nat -D PREROUTING -j DNAT --to-destination '[fd00::2]:80'");
  });
});

describe('expressions of nft', () => {
  const tcp = (field: string) => ({ payload: { protocol: 'tcp', field } });
  const ip = (field: string) => ({ payload: { protocol: 'ip', field } });
  const meta = (key: string) => ({ meta: { key } });
  const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
  const prefix = { prefix: { addr: '192.0.2.0', len: 24 } };

  it.each([
    ['ip saddr 192.0.2.0/24', match(ip('saddr'), prefix), true],
    ['ip saddr != 192.0.2.0/24', match(ip('saddr'), prefix, '!='), false],
    ['tcp dport 8080-8090', match(tcp('dport'), { range: [8080, 8090] }), true],
    ['tcp dport < 8088', match(tcp('dport'), 8088, '<'), false],
    ['udp dport != 8088', match({ payload: { protocol: 'udp', field: 'dport' } }, 8088, '!='), false],
    ['ip6 saddr != fd00::1', match({ payload: { protocol: 'ip6', field: 'saddr' } }, 'fd00::1', '!='), false],
    ['iifname "up*"', match(meta('iifname'), 'up*'), true],
    ['iifname "up"', match(meta('iifname'), 'up'), false],
    ['oifname != "x"', match(meta('oifname'), 'x', '!='), true],
    ['meta l4proto { tcp, udp }', match(meta('l4proto'), { set: ['tcp', 'udp'] }), true],
    ['meta l4proto gre', match(meta('l4proto'), 'gre'), false],
    [
      'ct state established,related',
      match({ ct: { key: 'state' } }, ['established', 'related'], 'in'),
      false,
    ],
    ['ct state new', match({ ct: { key: 'state' } }, 'new', 'in'), true],
    ['ct status dnat', match({ ct: { key: 'status' } }, 'dnat', 'in'), false],
    ['fib daddr type local', match({ fib: { result: 'type', flags: ['daddr'] } }, 'local'), true],
    [
      'fib daddr . iif type local',
      match({ fib: { result: 'type', flags: ['daddr', 'iif'] } }, 'local'),
      undefined,
    ],
    ['meta mark & 255 == 16', match({ '&': [meta('mark'), 255] }, 16), false],
    [
      'tcp flags & (fin|syn|rst|ack) == syn',
      match({ '&': [tcp('flags'), ['fin', 'syn', 'rst', 'ack']] }, 'syn'),
      true,
    ],
    ['iifname . tcp dport @ways', match({ concat: [meta('iifname'), tcp('dport')] }, '@ways'), true],
    ['meta skuid 0', match(meta('skuid'), 0), undefined],
  ])('%s', (text, expression, truth) => {
    const rules = parseNft([
      {
        set: {
          family: 'inet',
          table: 't',
          name: 'ways',
          elem: [{ concat: ['uplink0', { range: [8000, 8100] }] }],
        },
      },
      chain('t', 'c', 'forward', 0, 'accept'),
      rule('t', 'c', [expression, { drop: null }]),
    ]);
    const { steps, verdict } = walk(rules, 'forward', packet);
    expect(verdict).toBe(truth === undefined ? 'unknown' : truth ? 'drop' : 'accept');
    if (truth !== false) expect(steps[0]?.rule?.text).toBe(`${text} drop`);
  });

  it('follows verdict maps and translates by maps', () => {
    const rules = parseNft([
      {
        map: {
          family: 'inet',
          table: 't',
          name: 'places',
          elem: [
            [
              { elem: { val: { concat: ['tcp', 8088] }, comment: 'endpoint:7' } },
              { concat: ['10.0.0.2', 80] },
            ],
          ],
        },
      },
      { chain: { ...base('t', 'prerouting', -100, 'accept'), type: 'nat' } },
      chain('t', 'publish'),
      rule('t', 'prerouting', [
        {
          vmap: { key: { ct: { key: 'state' } }, data: { set: [['new', { jump: { target: 'publish' } }]] } },
        },
      ]),
      rule('t', 'publish', [
        { match: { op: '==', left: meta('nfproto'), right: 'ipv4' } },
        {
          dnat: {
            family: 'ip',
            addr: {
              map: {
                key: { concat: [meta('l4proto'), { payload: { protocol: 'th', field: 'dport' } }] },
                data: '@places',
              },
            },
          },
        },
      ]),
    ]);
    const { steps, packet: next } = walk(rules, 'prerouting', packet);
    expect(steps.map(({ rule }) => rule?.text)).toEqual([
      'ct state vmap { new : jump publish }',
      'meta nfproto ipv4 dnat ip to meta l4proto . th dport map @places',
    ]);
    expect(next).toMatchObject({ destination: '10.0.0.2', destinationPort: 80 });
    expect(findTranslations(rules, { protocol: 'tcp', port: 8088 })).toMatchObject([
      {
        chain: 'publish',
        element: 'tcp . 8088 comment "endpoint:7" : 10.0.0.2 . 80',
        hooks: ['prerouting'],
        translated: { ip: '10.0.0.2', port: 80 },
      },
    ]);
  });
});

function parseIptables(text: string, flavour: 'nft' | 'legacy' = 'nft'): Rules {
  return parseRuleSets({ iptables: [{ flavour, family: 4, text }] });
}

/** Rules of nft; tables that are not listed are made, in the order of their names. */
function parseNft(items: readonly Record<string, object>[]): Rules {
  const tables = ['t', 'corp', 'early'].map((name, index) => ({
    table: { family: 'inet', name, handle: index + 1 },
  }));
  return parseRuleSets({ nft: { nftables: [...tables, ...items] }, iptables: [] });
}

function base(table: string, hook: string, prio: number, policy: string) {
  return { family: 'inet', table, name: hook, type: 'filter', hook, prio, policy };
}

function chain(table: string, name: string, hook?: string, prio = 0, policy = 'accept') {
  return {
    chain:
      hook === undefined ? { family: 'inet', table, name } : { ...base(table, hook, prio, policy), name },
  };
}

function rule(table: string, chain: string, expr: readonly object[]) {
  return { rule: { family: 'inet', table, chain, handle: 4, expr } };
}
