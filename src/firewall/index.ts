export type {
  Firewall,
  FirewallBackend,
  FirewallChange,
  FirewallResource,
  RoutedResource,
} from './firewall.ts';
export { openFirewall, type FirewallOptions } from './open-firewall.ts';
