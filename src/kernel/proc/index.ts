export { bootId } from './boot-id.ts';
export { findSocketOwners, type SocketOwner } from './socket-owners.ts';
export { readSysctl, writeSysctl } from './sysctl.ts';
