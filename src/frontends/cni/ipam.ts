import { subnetOf, TsnetError, type Address, type NetworkSubnet, type PoolId } from '../../model/index.ts';
import { leaseOwner, releaseAddresses, type AttachRequest, type Context } from '../../network/index.ts';
import { delegate } from './delegate.ts';
import type { Verb } from './environment.ts';
import { leaseOwnerOf } from './identity.ts';
import { needsInterface, parseIpamChoice, parseIpamConfig, type IpamChoice } from './ipam-config.ts';
import { checkOwn, planOwn, statusOfOwn } from './own-ipam.ts';
import type { Request } from './request.ts';
import { parseResult, type CniDns, type CniIp, type CniRoute } from './result.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** What address management says of the addresses of an attachment. */
export interface IpamAnswer {
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

/** How an attachment comes to its addresses. */
export interface AddressPlan {
  /** Where addresses come from: every range that is configured, or what those of another plugin tell of it. */
  readonly sources: readonly NetworkSubnet[];
  /** The pools of the ranges, where they are ours. */
  readonly pools: readonly PoolId[];
  /** Ours are taken in one with the attachment, those of another plugin are there before it. */
  readonly take: Pick<AttachRequest, 'ranges'> | Pick<AttachRequest, 'addresses'>;
  readonly answerFor: (addresses: readonly Address[]) => IpamAnswer;
}

/** The address management of one call: its own, another plugin, or none. */
export interface Ipam {
  readonly kind: IpamChoice['kind'];
  /** Whether addresses are asked for over the interface, which has to be there before `plan`. */
  readonly needsInterface?: true;
  /** Asks another plugin for addresses; of ours nothing is taken yet. */
  plan(context: Context): Promise<AddressPlan>;
  /** Takes back a `plan` whose attachment failed. */
  abandon(context: Context): Promise<void>;
  check(context: Context): Promise<void>;
  status(context: Context): Promise<void>;
}

/** Reads which address management a configuration wants, with its options. @throws invalid-input; a CniError */
export function parseIpam(request: Request, runtime: Pick<RuntimeConfig, 'ips' | 'ranges'>): Ipam {
  const choice = parseIpamChoice(request.document);
  switch (choice.kind) {
    case 'none': {
      return {
        kind: 'none',
        plan: async () => noAddresses,
        abandon: doNothing,
        check: doNothing,
        status: doNothing,
      };
    }
    case 'own': {
      const config = parseIpamConfig(request.document, request.args, runtime);
      return {
        kind: 'own',
        plan: async () => planOwn(request, config),
        abandon: doNothing,
        check: async (context) => checkOwn(context, request, leaseOwner(request.id)),
        status: (context) => statusOfOwn(context, request, config),
      };
    }
    case 'delegated': {
      const ask = (context: Context, verb: Verb) => delegate(context, request, choice.type, verb);
      const abandon = async (context: Context) => void (await ask(context, 'DEL'));
      return {
        kind: 'delegated',
        ...(needsInterface(choice) ? { needsInterface: true } : {}),
        plan: async (context) => {
          const answer = await ask(context, 'ADD');
          try {
            const found = parseResult(answer, request.version, `answer of ${choice.type}`);
            if (found.ips.length === 0) {
              throw new TsnetError('unavailable', `${choice.type} ADD: it gave no address`, {
                subject: choice.type,
              });
            }
            return planOf(found);
          } catch (error) {
            await abandon(context).catch(() => undefined);
            throw error;
          }
        },
        abandon,
        check: async (context) => void (await ask(context, 'CHECK')),
        status: async (context) => void (await ask(context, 'STATUS')),
      };
    }
  }
}

/** Of an attachment without addresses. */
export const noAddresses: AddressPlan = planOf({ ips: [], routes: [], dns: {} });

/** For addresses that are decided. @throws conflict when one of them is there twice */
function planOf({ ips, routes, dns }: IpamAnswer): AddressPlan {
  const addresses = ips.map(({ address }) => address);
  const duplicate = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (duplicate !== undefined) {
    throw new TsnetError('conflict', `addresses: ipam gave ${duplicate} twice`);
  }
  return {
    sources: ips.map(({ address, gateway }) => ({
      subnet: subnetOf(address),
      ...(gateway === undefined ? {} : { gateway }),
    })),
    pools: [],
    take: { addresses },
    answerFor: () => ({ ips, routes, dns }),
  };
}

/**
 * Gives an attachment's addresses back, whatever the configuration says by now: those that are recorded here always, and
 * those of another plugin where it is still named.
 */
export async function releaseAll(context: Context, request: Request): Promise<void> {
  await releaseAddresses(context, leaseOwnerOf(request.id));
  const choice = choiceIfReadable(request.document);
  if (choice?.kind === 'delegated') await delegate(context, request, choice.type, 'DEL');
}

/** Nobody can be asked by a name that is none, and what ends must end. */
function choiceIfReadable(document: Request['document']): IpamChoice | undefined {
  try {
    return parseIpamChoice(document);
  } catch {
    return undefined;
  }
}

async function doNothing(): Promise<void> {
  // There are no addresses.
}
