import { familyOf } from '../../model/index.ts';
import type { Finding } from '../finding.ts';
import { firewallHopsOf } from '../port/deliver.ts';
import { pass } from '../port/firewall.ts';
import { bridgeOf } from '../port/lookup.ts';
import { localAddresses, type Scene } from '../port/scene.ts';
import type { Target } from '../port/target.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';
import { runningTargets } from './running-targets.ts';

/** Whether containers of one network reach each other where br_netfilter has the firewall asked. */
export const waysIn: Check = {
  name: 'ways inside networks',
  find: (scene) => {
    if (scene.host.sysctls['bridge/bridge-nf-call-iptables'] !== '1') return [];
    const targets = runningTargets(scene).filter(({ ip }) => familyOf(ip) === 4);
    return bridgedNetworks(scene).flatMap((network) => {
      const [one, other] = targets.filter((each) => each.network?.id === network.id);
      return one === undefined || other === undefined ? [] : insideFindings(scene, one, other);
    });
  },
};

function insideFindings(scene: Scene, sender: Target, target: Target): Finding[] {
  const bridge = target.network && bridgeOf(scene.inspection, target.network);
  if (bridge === undefined) return [];
  const packet = {
    family: 4,
    protocol: 'tcp',
    source: sender.ip,
    destination: target.ip,
    sourcePort: 49_152,
    destinationPort: 443,
    inLink: bridge.name,
    outLink: bridge.name,
    connection: 'new',
    localAddresses: localAddresses(scene.host),
  } as const;
  const place = {
    scene,
    from: sender.container?.name ?? sender.ip,
    target,
    packet,
    hook: 'forward',
  } as const;
  return (
    firewallHopsOf(scene, pass(scene, scene.host, 'forward', packet), place)
      .flatMap(({ findings }) => findings)
      // Networks that keep their containers apart on purpose are nothing to mend.
      .filter(({ severity }) => severity !== 'note')
  );
}
