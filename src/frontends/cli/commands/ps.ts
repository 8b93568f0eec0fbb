import type { Command } from 'commander';
import { readContainers } from '../../../inspect/engines/read-containers.ts';
import { silenceOf } from '../../../inspect/engines/silence.ts';
import { shortId } from '../../../model/index.ts';
import { openView } from '../open-view.ts';
import { printJson, printTable } from '../print.ts';
import { printSilence } from '../print-silence.ts';
import { rowOfContainer, rowOfEndpoint, rowOfSandbox, type Row } from '../ps-rows.ts';
import { wantsJson } from '../settings.ts';

const timeoutMs = 1_000;
/** With these the table fits into 100 columns, unless addresses and ports are long. */
const widths = { container: 20, image: 18, network: 14 };

/** `tsnet ps`: what `docker ps` should have shown of containers in networks of tsnet. */
export async function list(command: Command): Promise<void> {
  const isAll = command.opts<{ all?: boolean }>().all === true;
  using state = await openView(command);
  const containers = await readContainers(timeoutMs).catch((error: unknown) => {
    printSilence(silenceOf(error, timeoutMs));
    return [];
  });
  const { endpoints, networks, sandboxes } = state.read((view) => ({
    endpoints: view.endpoints(),
    networks: new Map(view.networks().map(({ id, name }) => [id, name])),
    sandboxes: view.sandboxes(),
  }));
  const ours = sandboxes.map((sandbox) => rowOfSandbox(sandbox, endpoints, networks));
  const engines = containers
    .map((container) => rowOfContainer(container, endpoints, networks))
    .filter(({ networks: attached }) => attached.length > 0);
  const known = [...ours, ...engines];
  const seen = new Set(known.flatMap((row) => row.networks.map(({ endpoint }) => endpoint)));
  const strangers = endpoints
    .filter(({ id }) => !seen.has(id))
    .map((endpoint) => rowOfEndpoint(endpoint, networks.get(endpoint.network)));
  const rows = [...known, ...strangers].filter((row) => isAll || isPresent(row));
  if (wantsJson(command)) return printJson(rows);
  printTable(['CONTAINER', 'IMAGE', 'STATE', 'NETWORK', 'ADDRESS', 'PORTS'], rows.flatMap(linesOf));
}

/** Whether a row is worth its lines when only what runs is asked for. */
function isPresent({ isSandbox, state, networks }: Row): boolean {
  return isSandbox === true ? state !== 'exited' : networks.some(({ endpoint }) => endpoint !== undefined);
}

/** As many lines as the longest column of each network needs; what is the same as above is left out. */
function linesOf({ container, image, command, state, exitCode, networks }: Row): string[][] {
  const attached = networks.flatMap(({ id, name, endpoint, addresses, ports }) => {
    const title = container ?? (endpoint === undefined ? '-' : shortId(endpoint));
    const height = Math.max(1, addresses.length, ports.length);
    return Array.from({ length: height }, (_, line) => [
      title,
      line === 0 ? short(name ?? shortId(id ?? '-'), widths.network) : '',
      addresses[line] ?? (line === 0 ? '-' : ''),
      ports[line] ?? '',
    ]);
  });
  return attached.map(([title = '', ...rest], line) =>
    line === 0
      ? [
          short(title, widths.container),
          short(image ?? command?.join(' ') ?? '-', widths.image),
          formatState(state, exitCode),
          ...rest,
        ]
      : ['', '', '', ...rest],
  );
}

function formatState(state: string | undefined, exitCode: number | undefined): string {
  return exitCode === undefined ? (state ?? '-') : `${state} (${exitCode})`;
}

function short(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}
