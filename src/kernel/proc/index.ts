export { bootId } from './boot-id.ts';
export { findSocketOwners, type SocketOwner } from './socket-owners.ts';
export { readSysctl, writeSysctl } from './sysctl.ts';
export { listNamespaceDescriptors, type NamespaceDescriptor } from './namespace-descriptors.ts';
export { listNetnsMounts, parseNetnsMounts, type NetnsMount } from './netns-mounts.ts';
export {
  listProcesses,
  parseCgroup,
  readProcess,
  type ProcessIdentity,
  type ProcessNamespaces,
} from './processes.ts';
export { SysctlReader } from './sysctls.ts';
