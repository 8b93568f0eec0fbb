import type { Finding } from '../finding.ts';
import type { Packet, Step } from '../rules/packet.ts';
import { findTranslations } from '../rules/find-translations.ts';
import type { Claim } from './claims.ts';
import { engineCommand } from './engine-commands.ts';
import { flushFinding } from './engine-rules.ts';
import { fact, found } from './hop.ts';
import { bridgeOf, hostOf, linkCalled, listenersOn } from './lookup.ts';
import { formatIp } from './question.ts';
import { sysctl, type Scene } from './scene.ts';
import { shellWord } from './shell-word.ts';
import { evidenceOf, whereOf } from './step-text.ts';
import type { Target } from './target.ts';

/** Who serves a port that no rule translates: a proxy, a socket that nobody reads, or nobody. */
type Server = 'proxy' | 'placeholder' | 'nobody';

/** The engine publishes a port, but no rule leads packets for it to the container. */
export function noTranslationFinding(
  scene: Scene,
  { owner, binding }: Claim,
  target: Target | undefined,
  packet: Packet,
  server: Server,
): Finding {
  const flushed = flushFinding(scene, target?.network);
  const isServed = server === 'proxy';
  if (flushed !== undefined) return { ...flushed, severity: isServed ? 'warning' : 'error' };
  const port = `${binding?.hostPort ?? packet.destinationPort ?? 0}/${packet.protocol}`;
  const bridge = target?.network && bridgeOf(scene.inspection, target.network);
  const seen =
    bridge === undefined ? '' : `: ${owner.container.name} sees clients as an address of ${bridge.name}`;
  const words = {
    proxy: `traffic still flows through docker-proxy${seen}`,
    placeholder: 'a socket that nobody reads takes connections: they hang',
    nobody: 'nothing takes connections',
  };
  const isRead = scene.rulesOf(scene.host) !== undefined;
  return found('nat.no-translation', {
    severity: isServed ? 'warning' : 'error',
    isCertain: isRead,
    subject: `port ${port}`,
    message: `${port} of ${owner.container.name} has no DNAT rule that takes packets for ${formatIp(packet.destination)}; ${words[server]}`,
    evidence: [
      fact(
        owner.engine.kind,
        `container ${owner.container.name}`,
        `publishes ${port} → ${target?.port ?? ''}`,
      ),
      fact(
        'iptables',
        'ip nat',
        isRead ? `no rule for --dport ${binding?.hostPort ?? packet.destinationPort ?? 0}` : 'not read',
      ),
    ],
    fix: translationFix(target, binding?.hostPort ?? packet.destinationPort, packet),
    hint:
      target?.network?.driver === 'tsnet'
        ? 'something removed what tsnet put into the firewall'
        : 'another program changed the nat table; restarting the engine brings all rules back',
  });
}

function translationFix(target: Target | undefined, hostPort: number | undefined, packet: Packet): string[] {
  if (target?.network?.driver === 'tsnet') return ['tsnet reconcile'];
  if (
    target?.network?.driver !== 'bridge' ||
    target.engine?.kind !== 'docker' ||
    hostPort === undefined ||
    target.ip.includes(':')
  )
    return [];
  const bridge = target.network.bridge;
  const link = bridge === undefined ? '' : ` ! -i ${shellWord(bridge)}`;
  const { protocol } = packet;
  return [
    `iptables -t nat -A DOCKER${link} -p ${protocol} -m ${protocol} --dport ${hostPort} -j DNAT --to-destination ${target.ip}:${target.port}`,
  ];
}

/** A rule leads a port to an address that the container does not have any more. */
export function staleTargetFinding(step: Step, target: Target, wanted: Target | undefined): Finding {
  const whose =
    target.container === undefined ? 'an address of no container' : `the address of ${target.container.name}`;
  const meant = wanted === undefined ? '' : `; ${wanted.container?.name ?? 'the container'} has ${wanted.ip}`;
  return found('nat.stale-target', {
    subject: `${step.table}/${step.chain}`,
    message: `${whereOf(step)} leads to ${formatIp(target.ip)}:${target.port}, ${whose}${meant}`,
    evidence: [evidenceOf(step)],
    fix: step.removal === undefined ? [] : [step.removal],
    isCertain: step.isCertain,
  });
}

/** Loopback has no server: the proxy is gone, while others are led on by rules. */
export function proxyGoneFinding(
  { inspection, host, rulesOf }: Scene,
  { owner, binding }: Claim,
  target: Target | undefined,
  packet: Packet,
): Finding | undefined {
  const rules = rulesOf(host);
  const { protocol } = packet;
  const hostPort = binding?.hostPort ?? packet.destinationPort ?? 0;
  if (
    rules === undefined ||
    protocol === 'icmp' ||
    protocol === 'icmpv6' ||
    target?.network?.driver !== 'bridge'
  )
    return undefined;
  const [rule] = findTranslations(rules, { protocol, port: hostPort }).filter(
    ({ translated }) => translated.ip === target.ip,
  );
  if (rule === undefined) return undefined;
  const name = owner.container.name;
  return found('proxy.gone', {
    subject: `port ${hostPort}/${protocol}`,
    message: `${formatIp(packet.destination)}:${hostPort} has no server: docker-proxy for this port does not run. Clients elsewhere use DNAT and are not affected`,
    evidence: [
      fact(
        'sock_diag',
        `${host.id} ${protocol} ${hostPort}`,
        listenersOn(hostOf(inspection), protocol, hostPort).length === 0
          ? 'no socket'
          : 'no socket on this address',
      ),
      fact(
        rule.author,
        `${rule.family} ${rule.table} ${rule.chain} rule ${rule.rule.position}`,
        rule.rule.text,
      ),
    ],
    fix: engineCommand(owner.engine, 'restart', name),
  });
}

/** Packets of 127.0.0.1 are led to a bridge that refuses them. Source: Linux ip-sysctl.rst, route_localnet. */
export function routeLocalnetFinding(
  { host, inspection }: Scene,
  { network, ip }: Target,
): Finding | undefined {
  const bridge = network && bridgeOf(inspection, network);
  if (bridge === undefined || ip.includes(':')) return undefined;
  const values = ['all', bridge.name].map((name) => sysctl(host, `ipv4/conf/${name}/route_localnet`));
  if (values.some((value) => value === undefined || value === '1')) return undefined;
  const setting = `net.ipv4.conf.${bridge.name}.route_localnet`;
  return found('nat.route-localnet-off', {
    subject: `link ${linkCalled(host, bridge.name)?.name ?? bridge.name}`,
    message: `127.0.0.1 is translated to ${ip}, but ${setting}=0 lets no loopback address out by ${bridge.name}`,
    evidence: [fact('sysctl', setting, '0')],
    fix: [`sysctl -w ${shellWord(`${setting}=1`)}`],
  });
}
