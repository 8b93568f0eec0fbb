import * as v from 'valibot';
import type { Endpoint } from '../../model/index.ts';
import { detachSeen, type Context } from '../../network/index.ts';
import { decode } from './decode.ts';
import { delegate } from './delegate.ts';
import { endAll } from './del.ts';
import { endpointIdOf } from './identity.ts';
import { parseIpamChoice, type IpamChoice } from './ipam-config.ts';
import { collectOwn, type ValidAttachments } from './own-ipam.ts';
import type { Request } from './request.ts';
import type { Operation } from './verbs.ts';

const attachments = v.array(v.object({ containerID: v.string(), ifname: v.string() }));

// The second one was sent by mistake by the first runtimes.
const keys = ['cni.dev/valid-attachments', 'cni.dev/attachments'];

/**
 * Ends every attachment of the network that is not listed as valid. Without a list nothing is known, and nothing ended:
 * tools that have no list send none.
 *
 * A runtime must not attach anything meanwhile. Where one does, what comes after the first look stays, and an attachment
 * ends whole or not at all: an address never becomes free while its attachment stays. Source: CNI 1.1.0, Lifecycle.
 */
export function gc(request: Request): Operation {
  const valid = parseValid(request);
  const choice = parseIpamChoice(request.document);
  return async (context) => {
    if (valid === undefined) return undefined;
    const stale = context.state
      .read((view) => view.endpoints(request.network))
      .filter(({ id }) => !valid.has(id));
    await endAll([
      () => collectOwn(context, request, valid),
      ...stale.map((endpoint) => () => end(context, request, endpoint, choice)),
      // Few others collect garbage by themselves, so they are asked to end what is known to have ended before.
      async () => {
        if (choice.kind === 'delegated') await delegate(context, request, choice.type, 'GC');
      },
    ]);
    return undefined;
  };
}

/** The same for addresses alone. */
export function gcIpam(request: Request): Operation {
  const valid = parseValid(request);
  return async (context) => {
    if (valid !== undefined) await collectOwn(context, request, valid);
    return undefined;
  };
}

async function end(
  context: Context,
  request: Request,
  endpoint: Endpoint,
  choice: IpamChoice,
): Promise<void> {
  if (!(await detachSeen(context, endpoint)) || choice.kind !== 'delegated') return;
  const env = {
    ...request.env,
    CNI_CONTAINERID: endpoint.container?.id ?? '',
    CNI_IFNAME: endpoint.containerLink,
    CNI_NETNS: '',
    CNI_ARGS: '',
  };
  await delegate(context, { ...request, env }, choice.type, 'DEL');
}

function parseValid({ document, name }: Request): ValidAttachments | undefined {
  const key = keys.find((known) => document[known] !== undefined);
  if (key === undefined) return undefined;
  // A list of Go that is empty may be written as null. Source: libcni, `GCAttachments`.
  const listed = decode(attachments, document[key] ?? [], key);
  return new Set(listed.map(({ containerID, ifname }) => endpointIdOf(name, containerID, ifname)));
}
