import { familyOf } from '../../model/index.ts';
import type { Finding } from '../finding.ts';
import type { NetworkView } from '../engines/container-view.ts';
import { firewallHopsOf } from '../port/deliver.ts';
import { pass } from '../port/firewall.ts';
import { bridgeOf } from '../port/lookup.ts';
import { findUplink, localAddresses, type Scene } from '../port/scene.ts';
import type { Target } from '../port/target.ts';
import type { Packet } from '../rules/packet.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';
import { runningTargets } from './running-targets.ts';

/** Whether the firewall lets containers out, and answers to them in: one packet of one container of each network. */
export const waysOut: Check = {
  name: 'ways out',
  find: (scene) => {
    const targets = runningTargets(scene).filter(({ ip }) => familyOf(ip) === 4);
    return bridgedNetworks(scene)
      .filter(({ isInternal }) => !isInternal)
      .flatMap((network) => {
        const target = targets.find((each) => each.network?.id === network.id);
        return target === undefined ? [] : outwardFindings(scene, network, target);
      });
  },
};

function outwardFindings(scene: Scene, network: NetworkView, sender: Target): Finding[] {
  const uplink = findUplink(scene.host, 4);
  const bridge = bridgeOf(scene.inspection, network);
  if (uplink === undefined || bridge === undefined) return [];
  const name = sender.container?.name ?? sender.ip;
  const target: Target = { ip: uplink.client, port: 443, protocol: 'tcp', network };
  const there: Packet = {
    family: 4,
    protocol: 'tcp',
    source: sender.ip,
    destination: uplink.client,
    sourcePort: 49_152,
    destinationPort: 443,
    inLink: bridge.name,
    outLink: uplink.link.name,
    connection: 'new',
    localAddresses: localAddresses(scene.host),
  };
  const back: Packet = {
    ...there,
    source: there.destination,
    destination: there.source,
    sourcePort: 443,
    destinationPort: 49_152,
    inLink: uplink.link.name,
    outLink: bridge.name,
    connection: 'established',
  };
  return [there, back].flatMap((packet) => {
    const place = { scene, from: name, target, packet, hook: 'forward', isAnswer: packet === back } as const;
    return firewallHopsOf(scene, pass(scene, scene.host, 'forward', packet), place).flatMap(
      ({ findings }) => findings,
    );
  });
}
