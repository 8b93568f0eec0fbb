import { readFileSync } from 'node:fs';

/** A random id that the kernel chose at this boot. Source: random(4). */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
