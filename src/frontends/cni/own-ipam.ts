import { TsnetError, type EndpointId } from '../../model/index.ts';
import {
  endDead,
  exhaustedSets,
  leaseAddresses,
  leasedAddresses,
  leaseOwners,
  poolIdsOf,
  releaseAddresses,
  type Context,
  type LeasedAddress,
} from '../../network/index.ts';
import { CniError, cniCodes } from './errors.ts';
import { leaseOwnerOf } from './identity.ts';
import type { IpamAnswer } from './ipam.ts';
import type { IpamConfig } from './ipam-config.ts';
import type { Request } from './request.ts';
import { readResolvConf } from './resolv-conf.ts';

/** The attachments of a network that are still there. */
export type ValidAttachments = ReadonlySet<EndpointId>;

/** Takes the addresses of an attachment. @throws conflict, exhausted, invalid-input; a CniError 5 for resolvConf */
export async function addOwn(context: Context, request: Request, config: IpamConfig): Promise<IpamAnswer> {
  const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf);
  const leased = await leaseOrCollect(context, request, config);
  return {
    ips: leased.map(({ address, gateway }) => ({ address, ...(gateway === undefined ? {} : { gateway }) })),
    routes: config.routes,
    dns,
    sources: config.sets.flat().map(({ subnet, gateway }) => ({ subnet, gateway })),
    pools: poolIdsOf(request.network, config.sets),
  };
}

/** What containers have that died without our being told is free: without that they could not be started again. */
async function leaseOrCollect(
  context: Context,
  request: Request,
  { sets, wanted }: IpamConfig,
): Promise<readonly LeasedAddress[]> {
  const wish = { space: request.network, owner: leaseOwnerOf(request.id), sets, wanted };
  try {
    return await leaseAddresses(context, wish);
  } catch (error) {
    if (!(error instanceof TsnetError) || (error.kind !== 'exhausted' && error.kind !== 'conflict'))
      throw error;
    if (!(await endDead(context, request.network))) throw error;
    return leaseAddresses(context, wish);
  }
}

/** @throws a CniError 3 when the attachment has no address */
export function checkOwn(context: Context, request: Request): void {
  if (leasedAddresses(context, leaseOwnerOf(request.id)).length > 0) return;
  throw new CniError(
    cniCodes.unknownContainer,
    `check addresses of ${request.ifName} of container ${request.containerId}: it has none in ${request.name}`,
  );
}

/** @throws a CniError 50 when a set has no address left */
export async function statusOfOwn(context: Context, request: Request, { sets }: IpamConfig): Promise<void> {
  const exhausted = await exhaustedSets(context, request.network, sets);
  if (exhausted.length === 0) return;
  throw new CniError(
    cniCodes.unavailable,
    `no address is left in network ${request.name}: ${exhausted.join('; ')}`,
    {
      hint: 'remove attachments that are not needed, or make the ranges larger',
    },
  );
}

/** Gives back the addresses of attachments that are not valid any more. */
export async function collectOwn(context: Context, request: Request, valid: ValidAttachments): Promise<void> {
  const owners = new Set([...valid].map(leaseOwnerOf));
  for (const owner of leaseOwners(context, request.network)) {
    if (!owners.has(owner)) await releaseAddresses(context, owner);
  }
}
