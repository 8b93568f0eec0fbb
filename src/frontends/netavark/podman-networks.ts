import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSubnet, type Subnet } from '../../model/index.ts';

/** Where Podman keeps its networks when root uses it. Source: containers.conf(5), `network_config_dir`. */
const usualDirectory = '/etc/containers/networks';

/** A network that Podman has in its files. */
export interface KnownNetwork {
  readonly name: string;
  readonly subnets: readonly Subnet[];
}

/**
 * The networks of all drivers that Podman knows, in use or not: it compares subnets for its own bridge driver only, and
 * does not tell a plugin of others. What can't be read is left out.
 */
export function readPodmanNetworks(directory = usualDirectory): KnownNetwork[] {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch {
    return [];
  }
  return files.filter((file) => file.endsWith('.json')).flatMap((file) => readNetwork(join(directory, file)));
}

function readNetwork(path: string): KnownNetwork[] {
  try {
    const { name, subnets } = JSON.parse(readFileSync(path, 'utf8')) as {
      readonly name?: unknown;
      readonly subnets?: readonly { readonly subnet?: unknown }[] | null;
    };
    return [{ name: String(name), subnets: (subnets ?? []).map(({ subnet }) => parseSubnet(subnet)) }];
  } catch {
    return [];
  }
}
