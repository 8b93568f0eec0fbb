/** Addresses of the small world in which the rules are tried: see `walk.test.ts`. */
export const world = {
  client: ['10.1.0.2', '10.1.0.3'],
  router: ['10.1.0.1', '10.2.0.1'],
  server: ['10.2.0.2', '10.2.0.3'],
  ports: [5001, 5002, 5003, 5004],
} as const;

/** Addresses and rules of that world as they are in IPv6: fd00:1:: stands for 10.1.0.0 and so on. */
export function toIpv6(text: string): string {
  return text
    .replaceAll('127.0.0.1', '::1')
    .replaceAll(/(10\.\d\.0\.\d+):(\d{4})/g, '[$1]:$2')
    .replaceAll(/10\.(\d)\.\d\.(\d+)/g, (_, network, host) => `fd00:${network}::${host === '0' ? '' : host}`)
    .replaceAll('/24', '/64')
    .replaceAll('/31', '/127')
    .replaceAll('/30', '/126')
    .replaceAll('ipv4_addr', 'ipv6_addr')
    .replaceAll('LOCAL,BROADCAST', 'LOCAL,MULTICAST')
    .replaceAll(/\bip (?=[sd]addr|to\b|tsnet)/g, 'ip6 ')
    .replaceAll('meta protocol ip', 'meta protocol ip6')
    .replaceAll(/^table ip /gm, 'table ip6 ');
}

/** Random numbers that are the same on every run. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** 0 to 1, without 1. Source: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(part: number): boolean {
    return this.next() < part;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)] as T;
  }

  /** Some of them, in their order, `most` at the most. */
  some<T>(from: readonly T[], most: number): T[] {
    const count = Math.floor(this.next() * (most + 1));
    const chosen = new Set<T>();
    while (chosen.size < Math.min(count, from.length)) chosen.add(this.pick(from));
    return from.filter((one) => chosen.has(one));
  }
}

const targets = [...world.server, ...world.router];

/** Input of iptables-restore(8). */
export function randomIptables(dice: Dice): string {
  return [
    table(
      'raw',
      ['PREROUTING', 'OUTPUT'],
      [],
      dice,
      () => dice.pick(['-j DROP', '-j ACCEPT', '-j RETURN']),
      0.15,
    ),
    table('mangle', ['PREROUTING', 'OUTPUT', 'FORWARD'], ['M1'], dice, (chain) =>
      dice.pick([
        '-j MARK --set-xmark 0x1/0xffffffff',
        '-j MARK --set-xmark 0x6/0x6',
        '-j RETURN',
        '-j ACCEPT',
        ...(chain === 'M1' ? [] : ['-j M1']),
      ]),
    ),
    table('nat', ['PREROUTING', 'OUTPUT', 'POSTROUTING'], ['N1', 'S1'], dice, (chain) =>
      chain === 'POSTROUTING' || chain === 'S1' ? sourceTarget(dice, chain) : destinationTarget(dice, chain),
    ),
    table('filter', ['INPUT', 'FORWARD', 'OUTPUT'], ['F1', 'F2'], dice, (chain) =>
      dice.pick([
        '-j ACCEPT',
        '-j DROP',
        '-j RETURN',
        ...(chain === 'F2' ? [] : ['-j F2', '-g F2']),
        ...(chain.startsWith('F') ? [] : ['-j F1', '-g F1']),
      ]),
    ),
  ].join('');
}

function table(
  name: string,
  builtin: readonly string[],
  own: readonly string[],
  dice: Dice,
  target: (chain: string) => string,
  share = 0.7,
): string {
  if (!dice.chance(share)) return '';
  const lines = [`*${name}`];
  const policy = () => (name === 'filter' && dice.chance(0.2) ? 'DROP' : 'ACCEPT');
  lines.push(
    ...builtin.map((chain) => `:${chain} ${policy()} [0:0]`),
    ...own.map((chain) => `:${chain} - [0:0]`),
  );
  for (const chain of [...builtin, ...own]) {
    const count = Math.floor(dice.next() * 5);
    for (let index = 0; index < count; index++)
      lines.push(`-A ${chain} ${withProtocol(iptablesConditions(dice, chain), target(chain))}`);
  }
  return `${lines.join('\n')}\nCOMMIT\n`;
}

/** A target with a port is refused without a protocol that has ports. */
function withProtocol(conditions: string, target: string): string {
  if (!/:\d|--to-ports/.test(target) || /(?<!! )-p /.test(conditions)) return `${conditions} ${target}`;
  return `-p udp ${conditions.replace('! -p udp', '')} ${target}`;
}

function destinationTarget(dice: Dice, chain: string): string {
  return dice.pick([
    `-j DNAT --to-destination ${dice.pick(targets)}:${dice.pick(world.ports)}`,
    `-j DNAT --to-destination ${dice.pick(world.server)}`,
    `-j DNAT --to-destination :${dice.pick(world.ports)}`,
    ...(chain === 'PREROUTING' ? [`-j REDIRECT --to-ports ${dice.pick(world.ports)}`] : []),
    '-j RETURN',
    '-j ACCEPT',
    ...(chain === 'N1' ? [] : ['-j N1', '-g N1']),
  ]);
}

function sourceTarget(dice: Dice, chain: string): string {
  return dice.pick([
    '-j MASQUERADE',
    `-j SNAT --to-source ${dice.pick(world.router)}`,
    '-j RETURN',
    ...(chain === 'S1' ? [] : ['-j S1']),
  ]);
}

function iptablesConditions(dice: Dice, chain: string): string {
  const not = () => (dice.chance(0.25) ? '! ' : '');
  const address = () => dice.pick([...world.client, ...targets, '10.1.0.0/24', '10.2.0.0/24', '10.0.0.0/8']);
  const hasIn = chain !== 'OUTPUT' && chain !== 'POSTROUTING';
  const hasOut = chain !== 'PREROUTING' && chain !== 'INPUT';
  const port = dice.pick(world.ports);
  const wanted = dice.some(
    [
      `${not()}-s ${address()}`,
      `${not()}-d ${address()}`,
      hasIn ? `${not()}-i ${dice.pick(['client0', 'server0', 'cl+', 'lo'])}` : '',
      hasOut ? `${not()}-o ${dice.pick(['client0', 'server0', 'ser+', 'lo'])}` : '',
      dice.pick([
        `-p udp -m udp ${not()}--dport ${port}`,
        `-p udp -m udp --dport ${dice.pick(['5001:5002', '5003:', ':5001'])}`,
        `-p udp -m multiport ${not()}--dports ${dice.pick(['5001,5003', '5002:5004', '5004'])}`,
        '-p udp',
        '! -p udp',
        '-p tcp -m tcp --dport 5001',
        `-p udp -m conntrack --ctorigdstport ${port}`,
      ]),
      `-m conntrack ${not()}--ctstate ${dice.pick(['NEW', 'ESTABLISHED,RELATED', 'DNAT', 'NEW,DNAT', 'INVALID'])}`,
      `-m conntrack ${not()}--ctorigdst ${dice.pick(targets)}`,
      `-m addrtype ${not()}--dst-type ${dice.pick(['LOCAL', 'UNICAST', 'LOCAL,BROADCAST'])}`,
      `-m addrtype ${not()}--src-type LOCAL`,
      `-m mark ${not()}--mark ${dice.pick(['0x1/0x1', '0x0/0x1', '0x6', '0x2/0x2'])}`,
      `-m iprange ${not()}--dst-range 10.2.0.1-10.2.0.2`,
    ].filter((condition) => condition !== ''),
    3,
  );
  return wanted.join(' ');
}

/** Input of nft(8): one table of the family `inet` or `ip`. */
export function randomNft(dice: Dice, name: string): string {
  const family = dice.pick(['inet', 'ip']);
  const lines = [`table ${family} ${name} {`];
  lines.push(
    `set addresses { type ipv4_addr; flags interval; auto-merge; elements = { ${dice.pick(targets)}, 10.1.0.0/31 } }`,
    `set ways { type ifname . ifname; elements = { "client0" . "server0" } }`,
    `map verdicts { type inet_service : verdict; elements = { 5001 : ${dice.pick(['accept', 'drop', 'jump own'])}, 5002 : goto own } }`,
    `map places { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; elements = { ${world.router
      .flatMap((ip) =>
        dice
          .some(world.ports, 3)
          .map((port) => `${ip} . udp . ${port} : ${dice.pick(world.server)} . ${dice.pick(world.ports)}`),
      )
      .concat(`10.9.9.9 . udp . 1 : 10.2.0.2 . 5001`)
      .join(', ')} } }`,
  );
  lines.push('chain own {', ...nftRules(dice, 'own', () => dice.pick(['accept', 'drop', 'return'])), '}');
  for (const hook of ['prerouting', 'input', 'forward', 'output', 'postrouting']) {
    if (!dice.chance(0.6)) continue;
    const priority = dice.pick([-310, -160, -110, -90, -5, 0, 5, 110]);
    const policy = dice.chance(0.1) ? 'drop' : 'accept';
    lines.push(`chain ${hook}_filter {`, `type filter hook ${hook} priority ${priority}; policy ${policy};`);
    lines.push(...nftRules(dice, hook, () => filterVerdict(dice)), '}');
  }
  for (const hook of ['prerouting', 'output', 'postrouting']) {
    if (!dice.chance(0.5)) continue;
    const priority = (hook === 'postrouting' ? 100 : -100) + dice.pick([-5, 0, 5]);
    lines.push(`chain ${hook}_nat {`, `type nat hook ${hook} priority ${priority};`);
    lines.push(
      ...nftRules(dice, hook, () => (hook === 'postrouting' ? sourceNat(dice) : destinationNat(dice, hook))),
      '}',
    );
  }
  return `${lines.join('\n')}\n}\n`;
}

function nftRules(dice: Dice, hook: string, verdict: () => string): string[] {
  return Array.from({ length: 1 + Math.floor(dice.next() * 5) }, () => {
    const end = verdict();
    // A counter before a map would count what the map does not have.
    const counter = end.includes('map') ? '' : 'counter';
    return `${nftConditions(dice, hook)} ${counter} ${end}`;
  });
}

function filterVerdict(dice: Dice): string {
  return dice.pick([
    'accept',
    'drop',
    'return',
    'jump own',
    'goto own',
    'udp dport vmap @verdicts',
    'iifname . udp dport vmap { "client0" . 5001 : jump own, "server0" . 5002 : drop, "client0" . 5003-5004 : accept }',
    'meta mark set 0x1',
    'meta mark set mark or 0x6',
  ]);
}

function destinationNat(dice: Dice, hook: string): string {
  return dice.pick([
    `meta l4proto udp dnat ip to ${dice.pick(targets)}:${dice.pick(world.ports)}`,
    `dnat ip to ${dice.pick(world.server)}`,
    'meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @places',
    `meta l4proto udp dnat ip to th dport map { 5001 : 10.2.0.2 . 5002, 5003 : 10.2.0.3 . 5003 }`,
    `dnat ip to ip daddr map { 10.1.0.1 : 10.2.0.3 }`,
    ...(hook === 'prerouting' ? [`meta l4proto udp redirect to :${dice.pick(world.ports)}`] : []),
    'return',
    'accept',
  ]);
}

function sourceNat(dice: Dice): string {
  return dice.pick([
    'masquerade',
    `snat ip to ${dice.pick(world.router)}`,
    'snat ip to oifname map { "server0" : 10.2.0.1 }',
    'return',
    'accept',
  ]);
}

function nftConditions(dice: Dice, hook: string): string {
  const not = () => (dice.chance(0.25) ? '!= ' : '');
  const address = () =>
    dice.pick([
      ...world.client,
      ...targets,
      '10.1.0.0/24',
      '@addresses',
      '{ 10.2.0.2, 10.1.0.0/30 }',
      '10.2.0.1-10.2.0.2',
    ]);
  return dice
    .some(
      [
        `ip saddr ${not()}${address()}`,
        `ip daddr ${not()}${address()}`,
        `iifname ${not()}${dice.pick(['"client0"', '"cl*"', '{ "client0", "lo" }', '"server0"'])}`,
        hook === 'prerouting' || hook === 'input'
          ? ''
          : `oifname ${not()}${dice.pick(['"client0"', '"ser*"', '"lo"'])}`,
        'iifname . oifname @ways',
        dice.pick([
          `udp dport ${not()}${dice.pick(['5001', '5001-5002', '{ 5001, 5003-5004 }'])}`,
          'udp dport >= 5003',
        ]),
        `meta l4proto ${dice.pick(['udp', '!= tcp'])}`,
        `ct state ${dice.pick(['new', 'established,related', '!= new', 'invalid'])}`,
        `ct status ${dice.pick(['dnat', '& dnat == 0', '& dnat == dnat'])}`,
        `ct original ip daddr ${not()}${dice.pick(targets)}`,
        `meta l4proto udp ct original proto-dst ${not()}${dice.pick(world.ports)}`,
        'ct direction original',
        `fib daddr type ${not()}${dice.pick(['local', 'unicast', '{ local, broadcast }'])}`,
        'fib saddr type local',
        `meta mark ${dice.pick(['0x1', '!= 0x0', '& 0x1 == 0x1', '& 0x6 != 0x6'])}`,
        'meta protocol ip',
      ].filter((condition) => condition !== ''),
      3,
    )
    .join(' ');
}
