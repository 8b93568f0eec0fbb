export type { Firewall, FirewallBackend, FirewallChange, FirewallResource } from './firewall.ts';
export { openFirewall, type FirewallOptions } from './open-firewall.ts';
