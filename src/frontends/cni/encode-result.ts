import { familyOfRange } from '../../model/index.ts';
import { CniError, cniCodes } from './errors.ts';
import type { CniDns, CniInterface, CniIp, CniResult, CniRoute } from './result.ts';
import { isAtLeast, type CniVersion } from './versions.ts';

/**
 * A result in the words of a version. Older ones know less: until 0.2.0 one address of each family and no interfaces,
 * until 1.0.0 nothing of a route but destination and gateway.
 *
 * @throws a CniError 2 when the version can't say anything of it: until 0.2.0 there must be an address
 */
export function encodeResult(result: CniResult, version: CniVersion): Readonly<Record<string, unknown>> {
  if (!isAtLeast(version, '0.3.0')) return encodeOldResult(result, version);
  const isNewest = isAtLeast(version, '1.1.0');
  const dns = withoutEmpty(result.dns);
  return {
    cniVersion: version,
    ...(result.interfaces.length === 0 ? {} : { interfaces: result.interfaces.map(isNewest ? same : older) }),
    ips: result.ips.map((ip) => (isAtLeast(version, '1.0.0') ? ip : { version: versionOf(ip), ...ip })),
    ...(result.routes.length === 0 ? {} : { routes: result.routes.map(isNewest ? same : olderRoute) }),
    ...(isAtLeast(version, '1.0.0') && Object.keys(dns).length === 0 ? {} : { dns }),
  };
}

function encodeOldResult(result: CniResult, cniVersion: CniVersion): Readonly<Record<string, unknown>> {
  const byFamily = ([4, 6] as const).flatMap((family) => {
    const ip = result.ips.find(({ address }) => familyOfRange(address) === family);
    if (ip === undefined) return [];
    const routes = result.routes.filter(({ dst }) => familyOfRange(dst) === family).map(olderRoute);
    const { address, gateway } = ip;
    return [
      [
        `ip${family}`,
        {
          ip: address,
          ...(gateway === undefined ? {} : { gateway }),
          ...(routes.length === 0 ? {} : { routes }),
        },
      ] as const,
    ];
  });
  if (byFamily.length === 0) {
    throw new CniError(
      cniCodes.unsupportedField,
      `cniVersion: ${cniVersion} can't tell of an attachment without address`,
      { hint: 'use 0.3.0 or later, or give the network addresses' },
    );
  }
  return { cniVersion, ...Object.fromEntries(byFamily), dns: withoutEmpty(result.dns) };
}

function same<T>(value: T): T {
  return value;
}

function older({ mtu: _mtu, socketPath: _path, pciID: _id, ...rest }: CniInterface): object {
  return rest;
}

function olderRoute({ dst, gw }: CniRoute): object {
  return { dst, ...(gw === undefined ? {} : { gw }) };
}

function versionOf({ address }: CniIp): string {
  return String(familyOfRange(address));
}

function withoutEmpty(dns: CniDns): CniDns {
  return Object.fromEntries(
    Object.entries(dns).filter(([, value]: [string, unknown]) =>
      Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '',
    ),
  );
}
