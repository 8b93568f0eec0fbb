import { after, callOperation, must, type Kind } from './kind.ts';
import { tsnetCall, type TortureHost } from './torture-host.ts';
import { upkeep } from './upkeep.ts';

const run = tsnetCall(
  'run',
  '-d',
  '--name',
  'v1',
  '--network',
  'shared',
  '-p',
  '9100:80',
  '--',
  'sleep',
  'infinity',
);

/** A sandbox ends and nobody notes it: its command is killed together with who waits for it. */
async function endUnseen(host: TortureHost): Promise<void> {
  await host.succeed(run);
  const script = 'for pid in $(ip netns pids v1); do kill -9 $(ps -o ppid= -p "$pid"); done';
  await host.succeed({ words: ['sh', '-c', script] });
}

/** The interface of a CNI witness's bridge, and its address, are gone. */
const breakBridge = after({ words: ['ip', 'address', 'flush', 'dev', 'br-torture', 'scope', 'global'] });

/** Kills of what puts a host in order. */
export const upkeepKind: Kind = {
  name: 'upkeep',
  operations: [
    callOperation('reconcile after a flush', tsnetCall('reconcile'), (host) => host.flushRules()),
    callOperation('reconcile of a bridge without addresses', tsnetCall('reconcile'), async (host) => {
      await host.pause();
      await breakBridge(host);
    }),
    callOperation('gc of a sandbox', tsnetCall('gc', '--older-than', '0'), endUnseen),
    callOperation('rm of a sandbox', tsnetCall('rm', '-f', 'v1'), endUnseen),
  ],
  continuations: upkeep,
  async end(host) {
    const problems = await must(host, 'reconcile', tsnetCall('reconcile'));
    await host.call(tsnetCall('rm', '-f', 'v1'));
    return problems;
  },
};
