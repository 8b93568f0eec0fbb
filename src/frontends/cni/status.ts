import { TsnetError } from '../../model/index.ts';
import { readBridge, type Context } from '../../network/index.ts';
import { parseAddConfig } from './add-config.ts';
import { CniError, cniCodes } from './errors.ts';
import type { Request } from './request.ts';
import type { Operation } from './verbs.ts';

/** Source: Linux `br_private.h`, BR_MAX_PORTS; the first number is not used. */
const mostPorts = 1023;

/** Whether an ADD could be served now: the bridge has room, and so has address management. */
export function status(request: Request): Operation {
  const { bridge, ipam } = parseAddConfig(request);
  return async (context) => {
    await refuseFullBridge(context, bridge.bridge);
    await ipam.status(context);
    return undefined;
  };
}

async function refuseFullBridge(context: Context, name: Parameters<typeof readBridge>[1]): Promise<void> {
  const found = await readBridge(context, name).catch((error: unknown) => {
    if (error instanceof TsnetError && error.kind === 'conflict') {
      throw new CniError(cniCodes.unavailable, error.message);
    }
    throw error;
  });
  if (found === undefined || found.ports < mostPorts) return;
  throw new CniError(
    cniCodes.unavailable,
    `bridge ${name} has ${found.ports} ports, as many as it can have`,
    {
      hint: 'a bridge of Linux has 1023 ports: use another network for more containers',
    },
  );
}
