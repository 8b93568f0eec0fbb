import type { Command } from 'commander';
import { printable, shortId, TsnetError, type Endpoint, type PortBinding } from '../../../model/index.ts';
import { engineNames, type EngineNames } from '../../../inspect/engines/docker.ts';
import type { State } from '../../../state/index.ts';
import { openPlaces } from '../format-ports.ts';
import { openView } from '../open-view.ts';
import { printJson, printTable } from '../print.ts';
import { printSilence } from '../print-silence.ts';
import { wantsJson } from '../settings.ts';

/** `tsnet port [CONTAINER]`: for one container in the form of `docker port`, else a table of all. */
export async function list(command: Command, wanted?: string): Promise<void> {
  using state = await openView(command);
  const names = await engineNames();
  printSilence(names.silence);
  const endpoints = state.read((view) => view.endpoints());
  const chosen = wanted === undefined ? endpoints : endpoints.filter((one) => isCalled(one, wanted, names));
  if (wanted !== undefined && chosen.length === 0 && !isSandbox(state, wanted)) {
    throw new TsnetError(
      'not-found',
      `container ${printable(wanted)} has no endpoint in a network of tsnet`,
      {
        hint: names.isAnswering
          ? 'tsnet endpoint ls'
          : 'no engine answers, so only endpoint ids are known: tsnet endpoint ls',
      },
    );
  }
  const rows = chosen.flatMap((endpoint) => endpoint.ports.map((port) => ({ endpoint, port })));
  if (wantsJson(command)) {
    return printJson(
      rows.map(({ endpoint, port }) => ({
        ...port,
        endpoint: endpoint.id,
        network: endpoint.network,
        container: nameOf(endpoint, names),
        addresses: endpoint.addresses,
      })),
    );
  }
  if (wanted !== undefined) {
    for (const { port } of rows) {
      for (const host of hosts(port)) process.stdout.write(`${inside(port)} -> ${host}\n`);
    }
    for (const { port, place } of chosen.flatMap(openPlaces)) process.stdout.write(`${port} -> ${place}\n`);
    return;
  }
  printTable(
    ['CONTAINER', 'ENDPOINT ID', 'HOST', 'CONTAINER PORT', 'ADDRESSES'],
    chosen.flatMap((endpoint) => {
      const published = endpoint.ports.map((port) => [hosts(port).join(' '), inside(port)]);
      const open = openPlaces(endpoint).map(({ port, place }) => [place, port]);
      return [...published, ...open].map((columns) => [
        nameOf(endpoint, names) ?? '-',
        shortId(endpoint.id),
        ...columns,
        endpoint.addresses.join(','),
      ]);
    }),
  );
}

/** One without interfaces of its own has no ports either. */
function isSandbox(state: State, wanted: string): boolean {
  return state.read((view) =>
    view.sandboxes().some(({ id, name }) => name === wanted || (wanted !== '' && id.startsWith(wanted))),
  );
}

/** What its engine calls the container, or the runtime that told us. */
function nameOf({ id, container }: Endpoint, names: EngineNames): string | undefined {
  return names.containers.get(id)?.name ?? container?.name;
}

function isCalled(endpoint: Endpoint, wanted: string, names: EngineNames): boolean {
  const ids = [endpoint.id, names.containers.get(endpoint.id)?.id ?? endpoint.container?.id ?? ''];
  return nameOf(endpoint, names) === wanted || (wanted !== '' && ids.some((id) => id.startsWith(wanted)));
}

function inside({ containerPort, protocol }: PortBinding): string {
  return `${containerPort}/${protocol}`;
}

/** Where a port answers on the host, in the form of `docker port`: one line for each family. */
function hosts({ hostIp, hostPort }: PortBinding): string[] {
  const ips = hostIp === undefined ? ['0.0.0.0', '::'] : [hostIp];
  return ips.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}:${hostPort}`);
}
