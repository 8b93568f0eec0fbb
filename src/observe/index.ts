export {
  canFilterFrames,
  isFirewallResource,
  linkResource,
  observe,
  observeOwned,
  ownerOf,
  type Kernel,
} from './observe.ts';
export { isSameNamespace, observeFarEnd, readInterface } from './sandbox-interface.ts';
export { readSettings } from './settings.ts';
