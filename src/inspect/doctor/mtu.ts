import type { Finding } from '../finding.ts';
import { iptablesTexts } from '../port/engine-rules.ts';
import { fact, found } from '../port/hop.ts';
import { linkWith } from '../port/lookup.ts';
import { findUplink, type Scene, type Uplink } from '../port/scene.ts';
import { insideOf, nameOf, type Target } from '../port/target.ts';
import { shellWord } from '../port/shell-word.ts';
import type { Check } from './check.ts';
import { runningTargets } from './running-targets.ts';

/** Containers that send larger packets than the host's way out takes. */
export const mtu: Check = {
  name: 'packet sizes',
  find: (scene) => {
    const uplink = findUplink(scene.host, 4);
    if (uplink === undefined) return [];
    return runningTargets(scene)
      .filter(({ ip, network }) => !ip.includes(':') && network?.isInternal === false)
      .flatMap((target) => mtuFindings(scene, target, uplink));
  },
};

function mtuFindings(scene: Scene, target: Target, { link }: Uplink): Finding[] {
  const { netns, ip } = target;
  const inner = netns && linkWith(netns, ip);
  if (netns === undefined || inner?.kind !== 'veth' || inner.mtu <= link.mtu) return [];
  const silencer = silencerIn(scene);
  return [
    found('mtu.too-large', {
      severity: silencer === undefined ? 'warning' : 'error',
      subject: `container ${nameOf(target)}`,
      message: `${nameOf(target)} sends packets of up to ${inner.mtu} bytes, but ${link.name} takes ${link.mtu}${silencer === undefined ? ': it depends on ICMP errors to learn that' : `, and "${silencer}" keeps it from learning that: handshakes pass, data does not`}`,
      evidence: [
        fact('rtnetlink', `${netns.id} link ${inner.name}`, `mtu ${inner.mtu}`),
        fact('rtnetlink', `${scene.host.id} link ${link.name}`, `mtu ${link.mtu}`),
      ],
      fix: [`${insideOf(target)}ip link set ${shellWord(inner.name)} mtu ${link.mtu}`],
      hint: `for good: make the network with -o com.docker.network.driver.mtu=${link.mtu}, and let ICMP type 3 code 4 pass`,
    }),
  ];
}

/** A rule that drops what would tell a sender that its packets are too large. Source: RFC 792, type 3 code 4. */
function silencerIn({ rulesOf, host }: Scene): string | undefined {
  const rules = rulesOf(host);
  if (rules === undefined) return undefined;
  const types = /--icmp-type (?:3\/4|fragmentation-needed)\b.* -j (?:DROP|REJECT)/;
  return iptablesTexts(rules, 'filter').find((text) => types.test(text));
}
