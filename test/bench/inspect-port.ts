import { startEngine, testImage } from '../support/engine.ts';
import type { Part } from './bench.ts';
import { distributionOf, timed } from './figures.ts';

const containers = 20;
const runs = 20;
const firstPort = 8_080;
const aimMs = 500;

/** Why a port answers, asked on a host whose engine runs containers of both drivers, each with a published port. */
export const inspectPort: Part = async ({ scope, progress }) => {
  progress(`starting a Docker Engine with ${containers} containers`);
  const host = scope.use(await startEngine());
  await host.startDaemon();
  await host.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', 'ours');
  for (let index = 0; index < containers; index++) {
    const network = index % 2 === 0 ? 'ours' : 'bridge';
    await host.docker('run', '-d', '--network', network, '-p', `${firstPort + index}:80`, testImage);
  }
  progress('asking why their ports answer');
  const ours: number[] = [];
  for (let run = 0; run < runs; run++) {
    const port = String(firstPort + (run % containers));
    ours.push(await timed(() => host.tsnet('inspect', 'port', port)));
  }
  return [
    {
      title: `why a port answers, on a host with ${containers} containers`,
      notes: ['the whole process, its way into the namespaces of the engine included'],
      figures: [{ what: 'tsnet inspect port', unit: 'ms', ours: distributionOf(ours), aim: aimMs }],
    },
  ];
};
