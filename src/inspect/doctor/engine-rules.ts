import { flushFinding } from '../port/engine-rules.ts';
import { bridgedNetworks } from './bridged-networks.ts';
import type { Check } from './check.ts';

/** Rules that Docker made and others flushed: one finding, since one restart heals all. */
export const engineRules: Check = {
  name: 'rules of engines',
  find: (scene) => {
    const all = bridgedNetworks(scene).flatMap((network) => flushFinding(scene, network) ?? []);
    const [first] = all;
    if (first === undefined) return [];
    const others = all.slice(1).map(({ subject }) => subject.replace('network ', ''));
    if (others.length === 0) return [first];
    const message = `${first.message}; the same for ${others.join(', ')}`;
    return [{ ...first, message, evidence: all.flatMap(({ evidence }) => evidence) }];
  },
};
