import { subnetOf, type NetworkSubnet, type PoolId } from '../../model/index.ts';
import { releaseAddresses, type Context } from '../../network/index.ts';
import { delegate } from './delegate.ts';
import type { Verb } from './environment.ts';
import { leaseOwnerOf } from './identity.ts';
import { parseIpamChoice, parseIpamConfig, type IpamChoice } from './ipam-config.ts';
import { addOwn, checkOwn, collectOwn, statusOfOwn, type ValidAttachments } from './own-ipam.ts';
import type { Request } from './request.ts';
import { parseResult, type CniDns, type CniIp, type CniRoute } from './result.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** What address management gave an attachment. */
export interface IpamAnswer {
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
  /** Where addresses come from: every range that is configured, or what those of another plugin tell of it. */
  readonly sources: readonly NetworkSubnet[];
  /** The pools of the ranges, where they are ours. */
  readonly pools: readonly PoolId[];
}

/** The address management of one call: its own, another plugin, or none. */
export interface Ipam {
  readonly kind: IpamChoice['kind'];
  add(context: Context): Promise<IpamAnswer>;
  /** Also takes back an `add` whose attachment failed. */
  del(context: Context): Promise<void>;
  check(context: Context): Promise<void>;
  status(context: Context): Promise<void>;
}

const nothing: IpamAnswer = { ips: [], routes: [], dns: {}, sources: [], pools: [] };

/** Reads which address management a configuration wants, with its options. @throws invalid-input; a CniError */
export function parseIpam(request: Request, runtime: Pick<RuntimeConfig, 'ips' | 'ranges'>): Ipam {
  const choice = parseIpamChoice(request.document);
  switch (choice.kind) {
    case 'none':
      return { kind: 'none', add: async () => nothing, del: doNothing, check: doNothing, status: doNothing };
    case 'own': {
      const config = parseIpamConfig(request.document, request.args, runtime);
      return {
        kind: 'own',
        add: (context) => addOwn(context, request, config),
        del: (context) => releaseAddresses(context, leaseOwnerOf(request.id)),
        check: async (context) => checkOwn(context, request),
        status: (context) => statusOfOwn(context, request, config),
      };
    }
    case 'delegated': {
      const ask = (context: Context, verb: Verb) => delegate(context, request, choice.type, verb);
      return {
        kind: 'delegated',
        add: async (context) => {
          const answer = await ask(context, 'ADD');
          const { ips, routes, dns } = parseResult(answer, request.version, `answer of ${choice.type}`);
          const sources = ips.map(({ address, gateway }) => ({
            subnet: subnetOf(address),
            ...(gateway === undefined ? {} : { gateway }),
          }));
          return { ips, routes, dns, sources, pools: [] };
        },
        del: async (context) => void (await ask(context, 'DEL')),
        check: async (context) => void (await ask(context, 'CHECK')),
        status: async (context) => void (await ask(context, 'STATUS')),
      };
    }
  }
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

/**
 * Gives back what attachments have that are not valid any more. Another plugin is asked to end those that are known to
 * have ended, since few collect garbage by themselves, and then to do that too.
 */
export async function collectAddresses(
  context: Context,
  request: Request,
  valid: ValidAttachments,
): Promise<void> {
  await collectOwn(context, request, valid);
  const choice = parseIpamChoice(request.document);
  if (choice.kind === 'delegated') await delegate(context, request, choice.type, 'GC');
}

async function doNothing(): Promise<void> {
  // There are no addresses.
}
