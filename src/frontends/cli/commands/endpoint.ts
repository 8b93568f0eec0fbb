import type { Command } from 'commander';
import { shortId } from '../../../model/index.ts';
import { engineNames } from '../../../inspect/engines/docker.ts';
import { openView } from '../open-view.ts';
import { printJson, printTable } from '../print.ts';
import { printSilence } from '../print-silence.ts';
import { wantsJson } from '../settings.ts';

/** `tsnet endpoint ls` */
export async function list(command: Command): Promise<void> {
  using state = await openView(command);
  const names = await engineNames();
  printSilence(names.silence);
  const rows = state.read((view) =>
    view.endpoints().map((endpoint) => ({
      endpoint,
      network: view.network(endpoint.network)?.name ?? names.networks.get(endpoint.network) ?? '',
      container: names.containers.get(endpoint.id)?.name ?? endpoint.container?.name ?? '',
    })),
  );
  if (wantsJson(command)) {
    return printJson(
      rows.map(({ endpoint, network, container }) => ({ ...endpoint, networkName: network, container })),
    );
  }
  printTable(
    ['ENDPOINT ID', 'CONTAINER', 'NETWORK', 'ADDRESSES', 'MAC', 'HOST LINK'],
    rows.map(({ endpoint, network, container }) => [
      shortId(endpoint.id),
      container || '-',
      network || shortId(endpoint.network),
      endpoint.addresses.join(',') || '-',
      endpoint.mac,
      endpoint.hostLink,
    ]),
  );
}
