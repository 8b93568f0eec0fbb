import { expect, it } from 'vitest';
import type { EngineView } from '../../../../src/inspect/engines/container-view.ts';
import { connectCommand, engineCommand } from '../../../../src/inspect/port/engine-commands.ts';

const kinds: readonly EngineView['kind'][] = ['docker', 'podman', 'netavark', 'containerd', 'tsnet', 'cni'];

it('commands the engine that has the container, and nobody where that is not known', () => {
  expect(kinds.map((kind) => engineCommand({ kind }, 'restart', 'my web')[0])).toEqual([
    "docker restart 'my web'",
    "podman restart 'my web'",
    "podman restart 'my web'",
    "nerdctl restart 'my web'",
    "tsnet restart 'my web'",
    undefined,
  ]);
});

it('connects a container with networks of its own engine only', () => {
  const connect = (kind: EngineView['kind'], engine: EngineView['kind']) =>
    connectCommand(kind, { name: 'lab', engine }, 'web');
  expect(connect('tsnet', 'tsnet')).toEqual(['tsnet connect lab web']);
  expect(connect('docker', 'docker')).toEqual(['docker network connect lab web']);
  expect(connect('docker', 'tsnet')).toEqual([]);
  expect(connect('containerd', 'containerd')).toEqual([]);
});
