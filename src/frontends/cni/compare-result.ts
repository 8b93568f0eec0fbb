import {
  readLinkMacs,
  readSandbox,
  type Attachment,
  type Context,
  type SandboxFacts,
} from '../../network/index.ts';
import type { Request } from './request.ts';
import type { CniInterface, CniResult } from './result.ts';

/**
 * What the kernel holds otherwise than the result of an ADD tells, one line each: the three interfaces by name and MAC
 * address, that of the container also by MTU, addresses and routes. Later plugins of the chain told there what they
 * changed; what the result does not tell is nobody's promise.
 *
 * Source: reference `bridge`, cmdCheck.
 */
export async function compareResult(
  context: Context,
  { netns, ifName }: Pick<Request, 'netns' | 'ifName'>,
  { network, endpoint }: Attachment,
  told: CniResult,
): Promise<readonly string[]> {
  const position = told.interfaces.findIndex(({ name, sandbox }) => name === ifName && sandbox);
  const interfaceTold = told.interfaces[position];
  if (interfaceTold === undefined) return [`prevResult has no interface ${ifName} in a sandbox`];
  const found = await readSandbox(netns, ifName);
  if (found === undefined) return [`${netns} has no interface ${ifName}`];
  const ips = told.ips.filter((ip) => (ip.interface ?? position) === position);
  const untold = endpoint.addresses.filter((address) => !ips.some((ip) => ip.address === address));
  return [
    ...(interfaceTold.sandbox === netns
      ? []
      : [`prevResult has ${ifName} in ${interfaceTold.sandbox ?? ''}`]),
    ...untold.map((address) => `prevResult lacks its address ${address}`),
    ...compareMac(interfaceTold, found.mac),
    ...compareMtu(interfaceTold, found.mtu),
    ...ips
      .filter(({ address }) => !found.addresses.includes(address))
      .map(({ address }) => `${ifName} lacks address ${address}`),
    ...told.routes
      .filter((route) => !hasRoute(found, route))
      .map(({ dst, gw }) => `the sandbox lacks route ${dst}${gw === undefined ? '' : ` via ${gw}`}`),
    ...(await compareHostLinks(context, { network, endpoint }, told)),
  ];
}

async function compareHostLinks(
  context: Context,
  { network: { bridge, adopted }, endpoint: { hostLink } }: Attachment,
  { interfaces }: CniResult,
): Promise<string[]> {
  const macs = await readLinkMacs(context, [bridge, hostLink]);
  return [bridge, hostLink].flatMap((link) => {
    const told = interfaces.find(({ name, sandbox }) => name === link && !sandbox);
    if (told === undefined) return [`prevResult has no interface ${link} of the host`];
    // A bridge that others made may take on the address of any of its ports.
    return link === bridge && adopted !== undefined ? [] : compareMac(told, macs.get(link));
  });
}

function compareMac({ name, mac }: CniInterface, found: string | undefined): string[] {
  if (!mac || mac.toLowerCase() === found) return [];
  return [`${name} has MAC address ${found ?? 'none'} instead of ${mac}`];
}

function compareMtu({ name, mtu }: CniInterface, found: number): string[] {
  // Nothing and 0 are the same to plugins in Go.
  if (!mtu || mtu === found) return [];
  return [`${name} has MTU ${found} instead of ${JSON.stringify(mtu)}`];
}

function hasRoute({ routes }: SandboxFacts, { dst, gw }: CniResult['routes'][number]): boolean {
  return routes.some(
    ({ destination, gateway }) => destination === dst && (gw === undefined || gateway === gw),
  );
}
