import { addresses } from './addresses.ts';
import type { Group } from './case.ts';
import { dualStack } from './dual-stack.ts';
import { engineCommands } from './engine-commands.ts';
import { isolation } from './isolation.ts';
import { life } from './life.ts';
import { names } from './names.ts';
import { options } from './options.ts';
import { pathMtu } from './path-mtu.ts';
import { portChanges } from './port-changes.ts';
import { ports } from './ports.ts';
import { severalNetworks } from './several-networks.ts';

/** All cases, in the order of the table. */
export const groups: readonly Group[] = [
  names,
  addresses,
  dualStack,
  ports,
  portChanges,
  isolation,
  severalNetworks,
  options,
  pathMtu,
  life,
  engineCommands,
];
