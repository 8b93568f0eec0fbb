import { cniCall, cniCollect, type Pod } from './cni-calls.ts';
import { after, callOperation, must, type Continuation, type Kind } from './kind.ts';
import { tsnetCall, type TortureHost } from './torture-host.ts';
import { flushAndReconcile, upkeep } from './upkeep.ts';
import { witnessPods } from './witnesses.ts';

const victim: Pod = { container: 'c1', network: 'torture', ip: '10.44.0.50', hostPort: 9000 };
/** Wants the same address and port. */
const rival: Pod = { ...victim, container: 'c2' };
const plain: Pod = { container: 'c3', network: 'torture' };
/** Makes its network. */
const first: Pod = { container: 'c1', network: 'fresh', hostPort: 9001 };
const all = [victim, rival, plain, first];

const answers = (host: TortureHost, { container }: Pod): Promise<string[]> =>
  must(host, `${container} is reached`, {
    words: ['nsenter', `--net=/run/netns/${container}`, 'ping', '-n', '-c1', '-W3', '10.44.0.1'],
  });

/** As a runtime does whose ADD was killed: DEL first. */
const again = (pod: Pod): Continuation => ({
  name: `DEL of ${victim.container}, ADD of ${pod.container} with the same address and port`,
  async run(host) {
    return [
      ...(await must(host, 'DEL', cniCall('DEL', victim))),
      ...(await must(host, `ADD ${pod.container}`, cniCall('ADD', pod))),
      ...(await answers(host, pod)),
      ...(await flushAndReconcile(host)),
      ...(await answers(host, pod)),
      ...(await must(host, `DEL ${pod.container}`, cniCall('DEL', pod))),
    ];
  },
});

/** Kills of the CNI plugin, without a daemon. */
export const cniKind: Kind = {
  name: 'cni',
  operations: [
    callOperation('ADD', cniCall('ADD', victim)),
    callOperation('ADD without wishes', cniCall('ADD', plain)),
    callOperation('ADD that makes the network', cniCall('ADD', first)),
    callOperation('DEL', cniCall('DEL', victim), after(cniCall('ADD', victim))),
    callOperation('GC', cniCollect('torture', witnessPods), after(cniCall('ADD', victim))),
  ],
  continuations: [
    again(victim),
    again(rival),
    {
      name: 'DEL, ADD killed as well',
      async run(host, random) {
        const problems = await must(host, 'DEL', cniCall('DEL', victim));
        await host.kill(cniCall('ADD', victim), { step: 1 + random.below(75) });
        return problems;
      },
    },
    {
      name: 'another ADD',
      async run(host) {
        return [
          ...(await must(host, 'ADD c3', cniCall('ADD', { ...plain, container: 'c4' }))),
          ...(await answers(host, { ...plain, container: 'c4' })),
          ...(await must(host, 'DEL c4', cniCall('DEL', { ...plain, container: 'c4' }))),
        ];
      },
    },
    {
      name: 'CNI GC',
      run: (host) => must(host, 'CNI GC', cniCollect('torture', witnessPods)),
    },
    ...upkeep,
  ],
  async prepare({ host }) {
    for (const container of ['c1', 'c2', 'c3', 'c4']) await host.exec('ip', 'netns', 'add', container);
  },
  async end(host) {
    const problems: string[] = [];
    for (const pod of all) {
      problems.push(...(await must(host, `DEL ${pod.container}`, cniCall('DEL', pod))));
    }
    // A CNI network stays until somebody removes it.
    await host.call(tsnetCall('network', 'rm', '--force', 'cni-fresh'));
    return problems;
  },
};
