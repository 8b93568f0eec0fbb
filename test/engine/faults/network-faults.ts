import { testImage } from '../../support/engine.ts';
import { answers, answersCli, answersLan, type Rig } from './rig.ts';
import type { Fault } from './fault.ts';

/** Faults of which networks containers are in, and how these are set up. */
export const networkFaults: readonly Fault[] = [
  {
    id: 'F17',
    title: 'no network in common',
    inject: async ({ web, docker }) => {
      await web();
      const name = ['-o', 'com.docker.network.bridge.name=br-two'];
      await docker('network', 'create', ...name, '--subnet', '10.67.0.0/24', 'two');
      await docker('run', '-d', '--name', 'extra', '--network', 'two', testImage);
    },
    ask: ['web:80', '--from', 'extra'],
    code: 'network.isolated',
    names: [/extra/, /two/, /app/],
    works: async (rig) => answers(rig.engine.container('extra'), `http://${await rig.addressOf('web')}/`),
  },
  {
    id: 'F18',
    title: 'no names on the default bridge',
    inject: async ({ docker }) => {
      await docker('run', '-d', '--name', 'extra', testImage);
      await docker('rm', '-f', 'web').catch(() => undefined);
      await docker('run', '-d', '--name', 'web', '--hostname', 'web', testImage);
    },
    ask: ['web:80', '--from', 'extra'],
    code: 'names.default-bridge',
    names: [/extra/, /web/],
    works: ({ engine }) => answers(engine.container('extra'), 'http://web/'),
    byHand: 'which network they shall share is for the user to say',
  },
  {
    id: 'F19',
    title: 'inter-container communication is off',
    inject: async (rig) => {
      await remakeApp(rig, '-o', 'com.docker.network.bridge.enable_icc=false');
      return () => remakeApp(rig);
    },
    ask: ['web:80', '--from', 'cli'],
    code: 'network.icc-off',
    names: [/app/, /setting|keeps/],
    works: answersCli,
    byHand: 'it was set up so',
  },
  {
    id: 'F20',
    title: 'the network is internal',
    inject: async (rig) => {
      await remakeApp(rig, '--internal');
      return () => remakeApp(rig);
    },
    ask: ['8088'],
    code: 'network.internal',
    names: [/app/, /web/],
    works: answersLan,
    byHand: 'it was set up so',
  },
  {
    id: 'F30',
    title: 'the resolver lost its redirect',
    inject: async ({ within, docker }) => {
      await (
        await within('cli')
      )('iptables', '-t', 'nat', '-F');
      return () => docker('restart', '-t', '0', 'cli');
    },
    code: 'names.redirect-lost',
    names: [/cli/, /127\.0\.0\.11/],
    works: async ({ engine }) =>
      await engine
        .container('cli')('sh', '-c', 'nslookup cli 127.0.0.11 2>&1')
        .then((text) => text.includes('10.66.0.'))
        .catch(() => false),
  },
];

/** Makes network `app` again with other options, and its containers. */
export async function remakeApp({ docker, web }: Rig, ...flags: string[]): Promise<void> {
  for (const name of ['web', 'cli']) await docker('rm', '-f', name).catch(() => undefined);
  await docker('network', 'rm', 'app').catch(() => undefined);
  const name = ['-o', 'com.docker.network.bridge.name=br-app'];
  await docker('network', 'create', ...name, '--subnet', '10.66.0.0/24', ...flags, 'app');
  await docker('run', '-d', '--name', 'cli', '--network', 'app', testImage, 'sleep', '100000');
  await web();
}
