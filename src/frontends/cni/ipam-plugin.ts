import { encodeResult } from './encode-result.ts';
import { leaseOwnerOf } from './identity.ts';
import { releaseAddresses } from '../../network/index.ts';
import { parseIpamConfig, type IpamConfig } from './ipam-config.ts';
import { addOwn, checkOwn, statusOfOwn } from './own-ipam.ts';
import type { Request } from './request.ts';
import { parseRuntimeConfig } from './runtime-config.ts';
import type { Operation } from './verbs.ts';

/** Gives addresses to an attachment that another plugin makes. */
export function addAddresses(request: Request): Operation {
  const config = parseConfig(request);
  return async (context) => {
    const { ips, routes, dns } = await addOwn(context, request, config);
    return encodeResult({ interfaces: [], ips, routes, dns }, request.version);
  };
}

/** Gives them back. */
export function releaseThem(request: Request): Operation {
  return async (context) => {
    await releaseAddresses(context, leaseOwnerOf(request.id));
    return undefined;
  };
}

/** Whether the attachment has addresses. */
export function checkAddresses(request: Request): Operation {
  return async (context) => {
    checkOwn(context, request, leaseOwnerOf(request.id));
    return undefined;
  };
}

/** Whether addresses are left. */
export function statusOfAddresses(request: Request): Operation {
  const config = parseConfig(request);
  return async (context) => {
    await statusOfOwn(context, request, config);
    return undefined;
  };
}

function parseConfig(request: Request): IpamConfig {
  return parseIpamConfig(request.document, request.args, parseRuntimeConfig(request.document, request.name));
}
