import type { Command } from 'commander';
import { shortId, TsnetError, type Network, type NetworkId } from '../../../model/index.ts';
import { deleteNetwork, openContext } from '../../../network/index.ts';
import type { StateView } from '../../../state/index.ts';
import { engineNames } from '../../../inspect/engines/docker.ts';
import { createLogger } from '../logger.ts';
import { openView } from '../open-view.ts';
import { eachOf } from '../each-of.ts';
import { printJson, printTable } from '../print.ts';
import { printSilence } from '../print-silence.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet network ls` */
export async function list(command: Command): Promise<void> {
  using state = await openView(command);
  const names = await engineNames();
  printSilence(names.silence);
  const rows = state.read((view) =>
    view.networks().map((network) => ({
      network,
      name: network.name ?? names.networks.get(network.id) ?? '',
      endpoints: view.endpoints(network.id).length,
    })),
  );
  if (wantsJson(command))
    return printJson(rows.map(({ network, name, endpoints }) => ({ ...network, name, endpoints })));
  printTable(
    ['NETWORK ID', 'NAME', 'ORIGIN', 'BRIDGE', 'SUBNETS', 'INTERNAL', 'ENDPOINTS'],
    rows.map(({ network, name, endpoints }) => [
      shortId(network.id),
      name || '-',
      network.origin,
      network.bridge,
      network.subnets.map(({ subnet }) => subnet).join(',') || '-',
      network.isInternal ? 'yes' : 'no',
      String(endpoints),
    ]),
  );
}

/** `tsnet network inspect NETWORK` */
export async function inspect(command: Command, name: string): Promise<void> {
  using state = await openView(command);
  const names = await engineNames();
  printSilence(names.silence);
  const found = state.read((view) => {
    const network = findNetwork(view, name, names.networks);
    const pools = network.pools.flatMap((pool) => view.pool(pool) ?? []);
    return {
      ...network,
      name: network.name ?? names.networks.get(network.id),
      pools,
      endpoints: view.endpoints(network.id),
    };
  });
  printJson({
    ...found,
    endpoints: found.endpoints.map((endpoint) => ({
      ...endpoint,
      container: names.containers.get(endpoint.id)?.name,
    })),
  });
}

/** `tsnet network rm NETWORK…`: all that can be removed; the worst failure decides about the exit status. */
export async function remove(command: Command, wanted: readonly string[]): Promise<void> {
  const isForced = command.opts<{ force?: boolean }>().force === true;
  using context = await openContext(readSettings(command), createLogger('warn'));
  const names = await engineNames();
  printSilence(names.silence);
  await eachOf(command, wanted, async (name) => {
    const network = context.state.read((view) => {
      const found = findNetwork(view, name, names.networks);
      if (!isForced) refuseRemoval(view, found, name);
      return found;
    });
    await deleteNetwork(context, network.id, { releasesPools: true });
    return { id: network.id, name };
  });
  await context.linkRemoval.idle();
}

function refuseRemoval(view: StateView, network: Network, name: string): void {
  if (network.origin === 'docker') {
    throw new TsnetError('conflict', `remove network ${name}: Docker created it`, {
      hint: `docker network rm ${name}; with --force tsnet forgets it although Docker does not`,
    });
  }
  const endpoints = view.endpoints(network.id).length;
  if (endpoints > 0)
    throw new TsnetError('conflict', `remove network ${name}: it has ${endpoints} endpoints`);
}

/** A network by name, id or unique beginning of an id. @throws not-found; conflict when several fit */
export function findNetwork(
  view: StateView,
  name: string,
  engineNames: ReadonlyMap<NetworkId, string>,
): Network {
  const networks = view.networks();
  const exact = networks.filter(
    (network) => network.id === name || network.name === name || engineNames.get(network.id) === name,
  );
  const found = exact.length > 0 ? exact : networks.filter(({ id }) => name !== '' && id.startsWith(name));
  if (found.length > 1) {
    const candidates = found.map((one) => `${shortId(one.id)} (made by ${one.origin})`).join(', ');
    throw new TsnetError('conflict', `network ${name}: ${found.length} networks fit: ${candidates}`, {
      hint: 'name one of them by its id',
    });
  }
  const [network] = found;
  if (network === undefined) {
    throw new TsnetError('not-found', `network ${name} is not known`, { hint: 'tsnet network ls' });
  }
  return network;
}
