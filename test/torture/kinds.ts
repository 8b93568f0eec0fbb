import { cniKind } from './cni-kind.ts';
import { daemonCniKind } from './daemon-cni-kind.ts';
import { daemonDockerKind } from './daemon-docker-kind.ts';
import type { Kind } from './kind.ts';
import { netavarkKind } from './netavark-kind.ts';
import { networkKind } from './network-kind.ts';
import { runKind } from './run-kind.ts';
import { upkeepKind } from './upkeep-kind.ts';

/** Everything that is killed, by how tsnet is used. */
export const kinds: readonly Kind[] = [
  cniKind,
  runKind,
  networkKind,
  netavarkKind,
  upkeepKind,
  daemonCniKind,
  daemonDockerKind,
];
