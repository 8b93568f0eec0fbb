export { isFirewallResource, observe, observeOwned, type Kernel } from './observe.ts';
