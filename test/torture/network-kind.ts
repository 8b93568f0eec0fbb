import { after, callOperation, must, type Kind } from './kind.ts';
import { tsnetCall } from './torture-host.ts';
import { upkeep } from './upkeep.ts';

const subnets = ['--subnet', '10.49.0.0/24', '--subnet', 'fd00:49::/64'];
const create = (name: string, ...flags: string[]) => tsnetCall('network', 'create', name, ...flags);
const remove = (name: string) => tsnetCall('network', 'rm', name);
const run = (network: string) =>
  tsnetCall('run', '-d', '--name', 'v1', '--network', network, '--', 'sleep', 'infinity');

/** Kills of `tsnet network`, without a daemon. */
export const networkKind: Kind = {
  name: 'network',
  operations: [
    callOperation('create', create('n1')),
    callOperation('create with subnets', create('n1', ...subnets)),
    callOperation('create, internal', create('n1', '--internal', '-o', 'icc=false')),
    callOperation('rm', remove('n1'), after(create('n1', ...subnets))),
    callOperation(
      'rm of the default network',
      remove('bridge'),
      after(run('bridge'), tsnetCall('rm', '-f', 'v1')),
    ),
  ],
  continuations: [
    ...['n1', 'n2'].map((name) => ({
      name: `rm of n1, create ${name} with the same subnets and use it`,
      async run(host: Parameters<Kind['end']>[0]) {
        await host.call(remove('n1'));
        return [
          ...(await must(host, `create ${name}`, create(name, ...subnets))),
          ...(await must(host, `run on ${name}`, run(name))),
          ...(await must(host, 'rm v1', tsnetCall('rm', '-f', 'v1'))),
          ...(await must(host, `network rm ${name}`, remove(name))),
        ];
      },
    })),
    {
      name: 'a run on the default network',
      async run(host) {
        return [
          ...(await must(host, 'run on the default network', run('bridge'))),
          ...(await must(host, 'rm v1', tsnetCall('rm', '-f', 'v1'))),
        ];
      },
    },
    {
      name: 'rm killed',
      async run(host, random) {
        await host.kill(remove('n1'), { step: 1 + random.below(40) });
        return [];
      },
    },
    ...upkeep,
  ],
  async end(host) {
    await host.call(tsnetCall('rm', '-f', 'v1'));
    for (const name of ['n1', 'n2', 'bridge']) await host.call(remove(name));
    return [];
  },
};
