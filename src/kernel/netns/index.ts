export { withNetnsDescriptor } from './handle.ts';
export { netnsIdOf, type NetnsId } from './id.ts';
export { createNamedNetns, deleteNamedNetns, isUnpinned, listNamedNetns } from './named.ts';
