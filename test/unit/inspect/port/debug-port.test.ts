import { describe, expect, it } from 'vitest';
import { examine } from '../../../../src/inspect/doctor/index.ts';
import { debugPort, parsePortQuestion, type PortReport } from '../../../../src/inspect/port/index.ts';
import { parseIp } from '../../../../src/model/index.ts';
import { route, smallHost, socket, type Changes } from './small-host.ts';

async function ask(changes: Changes, port = '8088', from?: string): Promise<PortReport> {
  return await debugPort(smallHost(changes), parsePortQuestion(port, from));
}

function codes({ causes }: PortReport): string[] {
  return causes.map(({ finding }) => finding.code);
}

describe('debugPort', () => {
  it('finds nothing wrong with a healthy host, and tells both ways', async () => {
    const report = await ask({});
    expect(report).toMatchObject({ verdict: 'works', causes: [], port: '8088/tcp' });
    expect(report.ways.map(({ from, by, verdict }) => [from, by, verdict])).toEqual([
      ['lan', 'translation', 'works'],
      ['localhost', 'proxy', 'works'],
    ]);
    expect(report.ways[0]?.hops.map(({ stage }) => stage)).toEqual([
      'published',
      'translation',
      'forwarding',
      'route',
      'firewall',
      'bridge',
      'container',
      'listens',
      'way back',
    ]);
  });

  it.each<[string, Changes, string, string]>([
    [
      'a server on loopback',
      { inside: { sockets: [socket('127.0.0.1', 80, 'httpd')] } },
      'listener.loopback-only',
      'refused',
    ],
    [
      'a server on another port',
      { inside: { sockets: [socket('::', 8080, 'httpd')] } },
      'listener.other-port',
      'refused',
    ],
    ['no server', { inside: { sockets: [] } }, 'listener.none', 'refused'],
    [
      'a server for IPv6 only',
      { inside: { sockets: [socket('::', 80, 'httpd', { isIpv6Only: true })] } },
      'listener.other-family',
      'refused',
    ],
    [
      'a UDP server',
      { inside: { sockets: [socket('::', 80, 'dns', { protocol: 'udp' })] } },
      'port.other-protocol',
      'refused',
    ],
    ['a paused container', { web: { state: 'paused' } }, 'container.paused', 'hangs'],
    ['forwarding off', { host: { sysctls: { 'ipv4/ip_forward': '0' } } }, 'forwarding.off', 'timeout'],
    ['a bridge that is down', { bridge: { isUp: false } }, 'bridge.down', 'timeout'],
    ['a veth without master', { hostEnd: { masterIndex: undefined } }, 'link.no-master', 'timeout'],
    ['a veth that is down', { hostEnd: { isUp: false } }, 'link.down', 'timeout'],
    ["a container's end that is down", { innerEnd: { isUp: false } }, 'container.link-down', 'timeout'],
    [
      'no route back',
      { inside: { routes: [route('10.66.0.0/24', 2)] } },
      'container.no-route-back',
      'timeout',
    ],
    [
      'a rule in DOCKER-USER',
      { rules: ['[7:420] -A DOCKER-USER -i uplink0 -j DROP'] },
      'firewall.user-drop',
      'timeout',
    ],
    [
      'a stolen route',
      {
        host: {
          routes: [
            route(undefined, 2, '192.0.2.2'),
            route('192.0.2.0/24', 2),
            route('10.66.0.0/24', 3),
            route('10.66.0.0/25', 2, '192.0.2.2'),
          ],
        },
      },
      'route.taken',
      'timeout',
    ],
    [
      'a deleted route, where others lead somewhere else',
      { host: { routes: [route(undefined, 2, '192.0.2.2'), route('192.0.2.0/24', 2)] } },
      'route.none',
      'timeout',
    ],
  ])('%s', async (_, changes, code, symptom) => {
    const report = await ask(changes, '8088', 'lan');
    expect(codes(report)[0]).toBe(code);
    expect(report).toMatchObject({ verdict: 'broken', ways: [{ symptom }] });
    expect(report.causes[0]?.finding.evidence).not.toEqual([]);
  });

  it('tells how to make the route to a network again', async () => {
    const report = await ask({ host: { routes: [route('192.0.2.0/24', 2)] } }, '8088', 'lan');
    expect(report.causes[0]?.finding).toMatchObject({
      code: 'route.none',
      fix: [
        expect.stringMatching(
          /^ip route add 10\.66\.0\.0\/24 dev \S+ proto kernel scope link src 10\.66\.0\.1$/,
        ),
      ],
    });
  });

  it('says that a proxy closes what the container refuses', async () => {
    const report = await ask({ inside: { sockets: [] } }, '8088', 'localhost');
    expect(report.ways[0]).toMatchObject({ by: 'proxy', symptom: 'reset' });
  });

  it('goes on behind the first fault and says what would be seen next', async () => {
    const report = await ask(
      { rules: ['[0:0] -A DOCKER-USER -i uplink0 -j DROP'], inside: { sockets: [] } },
      '8088',
      'lan',
    );
    expect(codes(report)).toEqual(['firewall.user-drop', 'listener.none']);
    expect(report.causes[0]?.next).toContain('refused');
    expect(report.causes[1]?.next).toContain('no further fault');
  });

  it('tells a lost DNAT rule as a surprise, because docker-proxy serves', async () => {
    const report = await ask({ without: /DNAT/ }, '8088', 'lan');
    expect(report).toMatchObject({ verdict: 'works', ways: [{ by: 'proxy' }] });
    expect(report.causes[0]).toMatchObject({
      isInTheWay: false,
      finding: { code: 'nat.no-translation', severity: 'warning' },
    });
    expect(report.causes[0]?.finding.fix[0]).toContain('--dport 8088 -j DNAT --to-destination 10.66.0.3:80');
  });

  it('tells a socket that nobody reads from a proxy', async () => {
    const host = { sockets: [socket('0.0.0.0', 8088, 'dockerd')] };
    const report = await ask({ host, without: /DNAT/ }, '8088', 'lan');
    expect(report).toMatchObject({ verdict: 'broken', ways: [{ symptom: 'hangs' }] });
  });

  it('knows by the rules that only loopback has lost its server', async () => {
    const report = await ask({ host: { sockets: [] } });
    expect(report.ways.map(({ verdict }) => verdict)).toEqual(['works', 'broken']);
    expect(codes(report)).toEqual(['proxy.gone']);
  });

  it('takes flushed rules for the cause of what they cause', async () => {
    const report = await ask({ without: /-A / }, '8088', 'lan');
    expect(codes(report)[0]).toBe('firewall.flushed');
  });

  it('names the address that a port is published on when another is asked', async () => {
    const binding = {
      protocol: 'tcp',
      hostIp: parseIp('127.0.0.1'),
      hostPort: 8088,
      containerPort: 80,
    } as const;
    const web = { requestedPorts: [binding], publishedPorts: [binding] };
    const host = { sockets: [socket('127.0.0.1', 8088, 'docker-proxy')] };
    const report = await ask({ web, host, without: /DNAT/ }, '8088', 'lan');
    expect(codes(report)).toEqual(['port.other-host-address']);
  });

  it('knows a host port that was chosen, and says it to who asks for the port inside', async () => {
    const request = { protocol: 'tcp', containerPort: 80 } as const;
    const chosen = { ...request, hostPort: 8088 };
    const web = { requestedPorts: [request], publishedPorts: [chosen] };
    const report = await ask({ web }, '8088', 'lan');
    expect(report.verdict).toBe('works');
    expect(report.ways[0]?.hops[0]?.message).toBe('8088/tcp on every address → web:80');
    const [cause] = (await ask({ web }, '80', 'lan')).causes;
    expect(cause?.finding).toMatchObject({
      code: 'port.other-host-port',
      message: '80/tcp of web is published on 8088 of the host, not on 80',
    });
    const [unknown] = (await ask({ web: { ...web, publishedPorts: [] } }, '80', 'lan')).causes;
    expect(unknown?.finding).toMatchObject({ code: 'port.not-published', isCertain: false });
    const [exposed] = (await ask({ web: { requestedPorts: [], publishedPorts: [] } }, '80', 'lan')).causes;
    expect(exposed?.finding).toMatchObject({ code: 'port.not-published', isCertain: true });
  });

  it('looks for a published port in a network that leads out', async () => {
    const [app] = smallHost().engines[0]?.containers[0]?.attachments ?? [];
    if (app === undefined) throw new RangeError('no attachment');
    const inside = { networkId: 'b', networkName: 'b', addresses: [parseIp('10.67.0.3')], aliases: [] };
    const inspection = smallHost({ web: { attachments: [inside, app] } });
    const engines = inspection.engines.map((engine) => ({
      ...engine,
      networks: [
        ...engine.networks,
        { id: 'b', name: 'b', driver: 'bridge', isInternal: true, subnets: [], options: {} },
      ],
    }));
    const report = await debugPort({ ...inspection, engines }, parsePortQuestion('8088', 'lan'));
    expect(report).toMatchObject({ verdict: 'works', causes: [] });
    const { findings } = examine({ ...inspection, engines });
    expect(findings.map(({ code }) => code)).not.toContain('nat.no-translation');
  });

  it('quotes names for the shell', async () => {
    const report = await ask({ web: { name: "a'; reboot", state: 'paused' } }, '8088', 'lan');
    expect(report.causes[0]?.finding.fix).toEqual([`docker unpause 'a'\\''; reboot'`]);
  });

  it('does not call broken what it could not see', async () => {
    const report = await ask(
      { web: { sandboxPath: '/gone', pid: 9 }, inside: { processes: [] } },
      '8088',
      'lan',
    );
    expect(report.verdict).toBe('unknown');
    expect(report.causes).toEqual([]);
  });

  it('refuses a container that no engine knows', async () => {
    await expect(ask({}, 'nobody:80')).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('rules inside a container', () => {
  const inside = (text: string, more: Partial<NonNullable<Changes['inside']>> = {}): Changes => ({
    inside: { ruleSets: { iptables: [{ flavour: 'nft', family: 4, text }] }, ...more },
  });
  const filter = (...rules: string[]): string =>
    [
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ...rules,
      'COMMIT',
      '',
    ].join('\n');

  it('that drop are the cause, and are mended there', async () => {
    const report = await ask(inside(filter('[3:180] -A INPUT -p tcp -m tcp --dport 80 -j DROP')));
    expect(report.verdict).toBe('broken');
    expect(report.causes[0]?.finding).toMatchObject({
      code: 'firewall.rule-drop',
      message: expect.stringMatching(/^inside web the packet is dropped by filter\/INPUT rule 1/),
      fix: [expect.stringMatching(/^nsenter .*iptables .*-D INPUT/)],
    });
  });

  it('that are against others change nothing', async () => {
    const report = await ask(inside(filter('[0:0] -A INPUT -p tcp -m tcp --dport 443 -j DROP')));
    expect(report).toMatchObject({ verdict: 'works', causes: [] });
  });

  it('that drop the answer are found on the way back', async () => {
    const report = await ask(inside(filter('[0:0] -A OUTPUT -p tcp -m tcp --sport 80 -j DROP')));
    expect(report.verdict).toBe('broken');
    expect(report.causes[0]?.finding.message).toMatch(
      /^inside web the answer is dropped by filter\/OUTPUT rule 1/,
    );
  });

  it('that turn the packet to a proxy lead to the socket of the proxy', async () => {
    const nat = ['*nat', ':PREROUTING ACCEPT [0:0]', ':INPUT ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'];
    const rule = '[1:60] -A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15006';
    const text = [...nat, rule, 'COMMIT', ''].join('\n');
    const works = await ask(inside(text, { sockets: [socket('::', 15_006, 'envoy')] }));
    expect(works.verdict).toBe('works');
    const hops = works.ways[0]?.hops.map(({ message }) => message).join('\n');
    expect(hops).toMatch(/inside web nat\/PREROUTING rule 1 turns it to port 15006/);
    const broken = await ask(inside(text));
    expect(broken.verdict).toBe('broken');
  });
});
