export {
  canFilterFrames,
  isFirewallResource,
  linkResource,
  observe,
  observeOwned,
  type Kernel,
} from './observe.ts';
export { isSameNamespace } from './sandbox-interface.ts';
