export {
  canFilterFrames,
  isFirewallResource,
  linkResource,
  observe,
  observeOwned,
  type Kernel,
} from './observe.ts';
export { isSameNamespace, readInterface } from './sandbox-interface.ts';
