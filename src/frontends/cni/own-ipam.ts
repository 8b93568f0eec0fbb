import { ipOf, TsnetError, type Address, type EndpointId } from '../../model/index.ts';
import {
  endDead,
  exhaustedSets,
  isWithin,
  keepAddressesOf,
  leaseAddresses,
  leasedAddresses,
  poolIdsOf,
  type Context,
} from '../../network/index.ts';
import { CniError, cniCodes } from './errors.ts';
import { leaseOwnerOf } from './identity.ts';
import type { AddressPlan, IpamAnswer } from './ipam.ts';
import type { IpamConfig } from './ipam-config.ts';
import type { Request } from './request.ts';
import { readResolvConf } from './resolv-conf.ts';

/** The attachments of a network that are still there. */
export type ValidAttachments = ReadonlySet<EndpointId>;

/** Where an attachment takes its addresses from, together with itself. @throws a CniError 5 for resolvConf */
export function planOwn(request: Request, config: IpamConfig): AddressPlan {
  const { sets, wanted } = config;
  const ranges = sets.flat();
  return {
    sources: ranges.map(({ subnet, gateway }) => ({ subnet, gateway })),
    pools: poolIdsOf(request.network, sets),
    take: { ranges: { space: request.network, sets, wanted } },
    answerFor: answering(config),
  };
}

/** What there is to say of addresses that were taken. @throws a CniError 5 for resolvConf */
function answering(config: IpamConfig): (addresses: readonly Address[]) => IpamAnswer {
  const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf);
  const ranges = config.sets.flat();
  return (addresses) => ({
    ips: addresses.map((address) => {
      const gateway = ranges.find((range) => isWithin(ipOf(address), range))?.gateway;
      return { address, ...(gateway === undefined ? {} : { gateway }) };
    }),
    routes: config.routes,
    dns,
  });
}

/** Takes addresses for an attachment of another plugin. @throws conflict, exhausted, invalid-input; a CniError 5 */
export async function addOwn(context: Context, request: Request, config: IpamConfig): Promise<IpamAnswer> {
  const answerFor = answering(config);
  const { sets, wanted } = config;
  const wish = { space: request.network, owner: leaseOwnerOf(request.id), sets, wanted };
  const leased = await leaseAddresses(context, wish).catch(async (error: unknown) => {
    // What containers have that died without our being told is free: without that they could not be started again.
    const isTaken = error instanceof TsnetError && (error.kind === 'exhausted' || error.kind === 'conflict');
    if (!isTaken || !(await endDead(context, request.network))) throw error;
    return leaseAddresses(context, wish);
  });
  return answerFor(leased.map(({ address }) => address));
}

/** @throws a CniError 3 when that owner has no address */
export function checkOwn(context: Context, request: Request, owner: string): void {
  if (leasedAddresses(context, owner).length > 0) return;
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

/** Gives back what `addOwn` took for attachments that are not valid any more. */
export async function collectOwn(context: Context, request: Request, valid: ValidAttachments): Promise<void> {
  await keepAddressesOf(context, request.network, new Set([...valid].map(leaseOwnerOf)));
}
