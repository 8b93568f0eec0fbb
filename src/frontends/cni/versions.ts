import { invalid } from '../../model/index.ts';
import { CniError, cniCodes } from './errors.ts';

/** The versions of the specification that are spoken, oldest first. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

/** A version of the specification. */
export type CniVersion = (typeof supportedVersions)[number];

/** The newest one, in which is answered what names no version. */
export const newestVersion: CniVersion = '1.1.0';

/**
 * Reads the version of a configuration: one of the list exactly, not a range. Without one it is 0.1.0, from before there
 * were versions.
 */
export function parseVersion(value: unknown): CniVersion {
  if (value === undefined || value === null || value === '') return '0.1.0';
  if (typeof value !== 'string') throw invalid('cniVersion', value, 'a version such as "1.0.0"');
  const found = supportedVersions.find((version) => version === value);
  if (found !== undefined) return found;
  throw new CniError(
    cniCodes.incompatibleVersion,
    `cniVersion: ${JSON.stringify(value.slice(0, 40))} is not supported`,
    {
      hint: `supported are ${supportedVersions.join(', ')}`,
    },
  );
}

/** Whether a version is that one or a later one. */
export function isAtLeast(version: CniVersion, other: CniVersion): boolean {
  return supportedVersions.indexOf(version) >= supportedVersions.indexOf(other);
}
