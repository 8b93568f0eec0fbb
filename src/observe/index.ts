export { canFilterFrames, isFirewallResource, observe, observeOwned, type Kernel } from './observe.ts';
