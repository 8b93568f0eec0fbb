import { must, type Continuation } from './kind.ts';
import { tsnetCall, type TortureHost } from './torture-host.ts';

/** All rules are flushed, and put back. */
export async function flushAndReconcile(host: TortureHost): Promise<string[]> {
  await host.flushRules();
  return await must(host, 'reconcile', tsnetCall('reconcile'));
}

/** What a host's owner or its timers do at any time, whatever uses tsnet. */
export const upkeep: readonly Continuation[] = [
  { name: 'gc', run: (host) => must(host, 'gc', tsnetCall('gc', '--older-than', '0')) },
  { name: 'reconcile', run: (host) => must(host, 'reconcile', tsnetCall('reconcile')) },
  { name: 'flush of the rules, reconcile', run: flushAndReconcile },
  {
    name: 'flush of the rules, reconcile killed, reconcile',
    async run(host, random) {
      await host.flushRules();
      await host.kill(tsnetCall('reconcile'), { step: 1 + random.below(60) });
      return await must(host, 'reconcile', tsnetCall('reconcile'));
    },
  },
  {
    name: 'gc killed',
    async run(host, random) {
      await host.kill(tsnetCall('gc', '--older-than', '0'), { step: 1 + random.below(40) });
      return [];
    },
  },
];
