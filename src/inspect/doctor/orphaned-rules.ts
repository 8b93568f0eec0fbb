import { contains, parseIp } from '../../model/index.ts';
import { fact, found } from '../port/hop.ts';
import { relationsOf } from '../port/lookup.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** Rules that lead ports to addresses of networks that nobody has. */
export const orphanedRules: Check = {
  name: 'orphaned rules',
  find: (scene) => {
    const relations = relationsOf(scene.inspection);
    const subnets = bridgedNetworks(scene).flatMap((network) => network.subnets.map(({ subnet }) => subnet));
    const chains = (scene.rulesOf(scene.host)?.tables ?? [])
      .filter(({ author, name }) => author !== 'nftables' && name === 'nat')
      .flatMap((table) => [...table.chains.values()].map((chain) => ({ table, chain })));
    return chains.flatMap(({ table, chain }) =>
      chain.rules.flatMap(({ text, removal, position }) => {
        const [, address = '', bracketed = ''] =
          /--to-destination (?:([\d.]+)|\[([^\]]+)\])/.exec(text) ?? [];
        if (address === '' && bracketed === '') return [];
        const ip = parseIp(address === '' ? bracketed : address);
        if (relations.whereIs(ip).length > 0 || !subnets.some((subnet) => contains(subnet, ip))) return [];
        return [
          found('nat.orphan', {
            severity: 'warning',
            subject: `${table.name}/${chain.name}`,
            message: `${table.name}/${chain.name} rule ${position} "${text}" leads to ${ip}, an address of no container`,
            evidence: [
              fact(table.author, `${table.family} ${table.name} ${chain.name} rule ${position}`, text),
            ],
            fix: [removal],
          }),
        ];
      }),
    );
  },
};
