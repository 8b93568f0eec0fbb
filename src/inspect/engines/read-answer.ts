import { TsnetError } from '../../model/index.ts';
import type { EngineView } from './container-view.ts';
import { askEngine } from './docker-api.ts';

const timeoutMs = 1_000;

/** Where the API has what `docker inspect` prints. Source: Docker Engine API v1.24; Podman answers the same. */
const pathOf = {
  container: (id: string) => `/containers/${encodeURIComponent(id)}/json`,
  network: (id: string) => `/networks/${encodeURIComponent(id)}`,
} as const;

/**
 * What an engine says of one container or network, unchanged.
 *
 * @throws try-again when it does not answer, or knows it no more
 */
export async function readAnswer(
  { kind: engine, socket }: Pick<EngineView, 'kind' | 'socket'>,
  kind: keyof typeof pathOf,
  id: string,
): Promise<unknown> {
  try {
    return await askEngine(pathOf[kind](id), timeoutMs, undefined, socket);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TsnetError('try-again', `ask ${engine} for the ${kind} ${id}: ${why}`, { cause: error });
  }
}
