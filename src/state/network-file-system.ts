import { statfsSync } from 'node:fs';
import { TsnetError } from '../model/index.ts';

// Source: Linux include/uapi/linux/magic.h and statfs(2).
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
]);

/**
 * Refuses a directory that several hosts may share: locks and memory maps of one host are not seen by another there.
 *
 * @throws unsupported
 */
export function refuseNetworkFileSystem(directory: string): void {
  const name = networkFileSystems.get(statfsSync(directory).type);
  if (name === undefined) return;
  throw new TsnetError(
    'unsupported',
    `open state in ${directory}: it lies on a network file system (${name})`,
    {
      subject: directory,
      hint: 'choose a directory on a disk of this host',
    },
  );
}
