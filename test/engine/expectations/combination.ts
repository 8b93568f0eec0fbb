/** What the cases run with. */
export interface Combination {
  readonly driver: 'bridge' | 'tsnet';
  /** Of tsnet; Docker's bridge driver always uses iptables with these engines. */
  readonly firewall: 'nftables' | 'iptables';
}

/** In this order, for each engine. */
export const combinations: readonly Combination[] = [
  { driver: 'bridge', firewall: 'iptables' },
  { driver: 'tsnet', firewall: 'nftables' },
  { driver: 'tsnet', firewall: 'iptables' },
];

/** Such as `tsnet nftables`. */
export function titleOf({ driver, firewall }: Combination): string {
  return driver === 'bridge' ? driver : `${driver} ${firewall}`;
}

/** Whether a version (major.minor) is this one or newer. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
