import { parseBridgeConfig, type BridgeConfig } from './bridge-config.ts';
import { CniError, cniCodes } from './errors.ts';
import { parseIpamChoice } from './ipam-config.ts';
import { parseIpam, type Ipam } from './ipam.ts';
import type { Request } from './request.ts';
import { parseResult, type CniResult } from './result.ts';
import { parseRuntimeConfig, type RuntimeConfig } from './runtime-config.ts';
import { isAtLeast } from './versions.ts';

/** Everything of a configuration that an attachment is made from. */
export interface AddConfig {
  readonly bridge: BridgeConfig;
  readonly runtime: RuntimeConfig;
  readonly ipam: Ipam;
  /** What earlier plugins of the chain made. */
  readonly previous?: CniResult;
}

/** Reads the configuration of an attachment. @throws invalid-input; a CniError */
export function parseAddConfig(request: Request): AddConfig {
  const { document, args, version } = request;
  const runtime = parseRuntimeConfig(document, request.name);
  const ipam = parseIpam(request, runtime);
  const bridge = parseBridgeConfig(document, args, parseIpamChoice(document));
  const previous = parsePrevious(request);
  if (ipam.kind === 'none' && !isAtLeast(version, '0.3.0')) {
    throw new CniError(
      cniCodes.unsupportedField,
      `cniVersion: ${version} can't tell of an attachment without address`,
      {
        hint: 'use 0.3.0 or later, or give the network addresses with ipam',
      },
    );
  }
  return { bridge, runtime, ipam, ...(previous === undefined ? {} : { previous }) };
}

/** The result of the chain so far; what comes with older versions, which have no chains, is not looked at. */
function parsePrevious({ document, version }: Request): CniResult | undefined {
  const previous = document['prevResult'];
  if (previous === undefined || previous === null || !isAtLeast(version, '0.3.0')) return undefined;
  return parseResult(previous, version, 'prevResult');
}
