import { createServer, type RequestListener, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A server of the test's own in the place of the engine, for answers that no real one gives. */
export interface PlayedEngine {
  /** Starts to answer, at `socket`, until the test ends. */
  readonly answer: (listener: RequestListener) => Promise<void>;
  readonly socket: () => string;
}

/** Puts a played engine in the place of the real one for each test of the file. */
export function usePlayedEngine(): PlayedEngine {
  let folder: string;
  let server: Server | undefined;
  let before: string | undefined;
  const socket = () => join(folder, 'docker.sock');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsnet-engine-'));
    before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = `unix://${socket()}`;
  });
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
    if (before === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = before;
    rmSync(folder, { recursive: true });
  });

  return {
    socket,
    answer: async (listener) => {
      const started = createServer(listener);
      server = started;
      await new Promise<void>((resolve) => started.listen(socket(), resolve));
    },
  };
}
