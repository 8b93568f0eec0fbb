import type { NetworkView } from '../engines/container-view.ts';
import type { Finding } from '../finding.ts';
import type { Rules } from '../rules/rules.ts';
import { fact, found } from './hop.ts';
import { bridgeOf, engineKindOf, subnetIn } from './lookup.ts';
import type { Scene } from './scene.ts';
import { shellWord } from './shell-word.ts';

/** One rule that Docker's bridge driver installs for a network. */
interface Expected {
  readonly what: string;
  readonly isThere: boolean;
}

const masqueradeOption = 'com.docker.network.bridge.enable_ip_masquerade';

/** The rules of a namespace as text, those of iptables of either flavour, for IPv4. */
export function iptablesTexts(rules: Rules, table: string, chain?: string): string[] {
  return rules.tables
    .filter(({ author, family, name }) => author !== 'nftables' && family === 'ip' && name === table)
    .flatMap(({ chains }) => [...chains.values()])
    .filter(({ name }) => chain === undefined || name === chain)
    .flatMap((each) => each.rules.map(({ text }) => text));
}

/**
 * What is missing of the rules that Docker makes for a network: the ones that all of its versions since 20.10 have in
 * common. Undefined where the firewall could not be read, or where Docker writes nftables itself.
 *
 * Source: moby, `daemon/libnetwork/drivers/bridge/internal/iptabler`.
 */
export function missingRules(scene: Scene, network: NetworkView): readonly string[] | undefined {
  return expectedRules(scene, network)
    ?.filter(({ isThere }) => !isThere)
    .map(({ what }) => what);
}

/** The finding for a firewall that was reloaded or flushed behind Docker's back; undefined where all is there. */
export function flushFinding(scene: Scene, network: NetworkView | undefined): Finding | undefined {
  if (network === undefined) return undefined;
  const expected = expectedRules(scene, network);
  const missing = expected?.filter(({ isThere }) => !isThere) ?? [];
  // One rule that is gone is told where it matters.
  if (expected === undefined || missing.length < 3) return undefined;
  return found('firewall.flushed', {
    subject: `network ${network.name}`,
    message: `${missing.length} of the ${expected.length} rules that Docker needs for network ${network.name} are gone${policyWords(scene)}: something flushed or reloaded the firewall`,
    evidence: missing.map(({ what }) => fact('iptables', what, 'not there')),
    fix: ['systemctl restart docker'],
    hint: 'reload only own tables: no "flush ruleset", no iptables-restore without -n',
  });
}

/** Whether Docker masquerades a network on purpose, and with which rule. */
export function masqueradeFinding(scene: Scene, network: NetworkView): Finding | undefined {
  const rules = scene.rulesOf(scene.host);
  const bridge = bridgeOf(scene.inspection, network);
  const own = subnetIn(network, 4);
  if (rules === undefined || bridge === undefined || own === undefined || !isMasqueraded(network))
    return undefined;
  if (expectedRules(scene, network) === undefined || hasMasquerade(rules, own)) return undefined;
  const rule = `POSTROUTING -s ${own} ! -o ${shellWord(bridge.name)} -j MASQUERADE`;
  return found('nat.no-masquerade', {
    subject: `network ${network.name}`,
    message: `packets of ${own} (network ${network.name}) leave the host with their private address: no MASQUERADE rule, so answers cannot come back`,
    evidence: [fact('iptables', 'ip nat POSTROUTING', `no rule for ${own}`)],
    fix: [`iptables -t nat -A ${rule}`],
    hint: 'restarting the engine brings all its rules back',
  });
}

function expectedRules(scene: Scene, network: NetworkView): Expected[] | undefined {
  const rules = scene.rulesOf(scene.host);
  const bridge = bridgeOf(scene.inspection, network);
  const own = subnetIn(network, 4);
  if (rules === undefined || bridge === undefined || own === undefined || network.driver !== 'bridge')
    return undefined;
  // Others name and order theirs in their own ways.
  if (engineKindOf(scene.inspection, network) !== 'docker') return undefined;
  // The back end of Docker 29 that writes nftables has tables of its own.
  if (rules.tables.some(({ name }) => name === 'docker-bridges')) return undefined;
  const filter = iptablesTexts(rules, 'filter');
  const has = (texts: readonly string[], part: RegExp) => texts.some((text) => part.test(text));
  const name = bridge.name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return [
    {
      what: 'nat: PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      isThere: has(iptablesTexts(rules, 'nat', 'PREROUTING'), /-j DOCKER\b/),
    },
    {
      what: 'nat: OUTPUT -m addrtype --dst-type LOCAL -j DOCKER',
      isThere: has(iptablesTexts(rules, 'nat', 'OUTPUT'), /-j DOCKER\b/),
    },
    ...(network.isInternal || !isMasqueraded(network)
      ? []
      : [
          {
            what: `nat: POSTROUTING -s ${own} ! -o ${bridge.name} -j MASQUERADE`,
            isThere: hasMasquerade(rules, own),
          },
        ]),
    {
      what: 'filter: FORWARD -j DOCKER-USER',
      isThere: has(iptablesTexts(rules, 'filter', 'FORWARD'), /-j DOCKER-USER\b/),
    },
    { what: `filter: rules for -i ${bridge.name}`, isThere: has(filter, new RegExp(`-i ${name}(?: |$)`)) },
    { what: `filter: rules for -o ${bridge.name}`, isThere: has(filter, new RegExp(`-o ${name}(?: |$)`)) },
  ];
}

function isMasqueraded({ options, isInternal }: NetworkView): boolean {
  const mode = options['com.docker.network.bridge.gateway_mode_ipv4'] ?? 'nat';
  return !isInternal && options[masqueradeOption] !== 'false' && mode.startsWith('nat');
}

/** Any author's rule will do: some prefer to write their own, for a range that holds the network's. */
function hasMasquerade(rules: Rules, subnet: string): boolean {
  const own = iptablesTexts(rules, 'nat').some(
    (text) => /-j (?:MASQUERADE|SNAT)\b/.test(text) && (text.includes(`-s ${subnet} `) || !/ -s /.test(text)),
  );
  if (own) return true;
  return rules.tables
    .filter(({ author, family }) => author === 'nftables' && familyOfTable(family))
    .flatMap(({ chains }) => [...chains.values()])
    .flatMap((chain) => chain.rules)
    .some(
      ({ text }) => /\b(?:masquerade|snat)\b/.test(text) && (text.includes(subnet) || !/saddr/.test(text)),
    );
}

function familyOfTable(family: string): boolean {
  return family === 'ip' || family === 'inet';
}

function policyWords({ rulesOf, host }: Scene): string {
  const forward = rulesOf(host)
    ?.tables.filter(
      ({ author, family, name }) => author !== 'nftables' && family === 'ip' && name === 'filter',
    )
    .flatMap(({ chains }) => chains.get('FORWARD')?.base?.policy ?? []);
  return forward?.includes('drop') === true ? ', and the policy of FORWARD is DROP' : '';
}
