import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TsnetError } from '../../model/index.ts';
import type { InstallFile } from './docker-files.ts';
import { packageFolder } from './package-folder.ts';
import { serviceSearchPath, stablePath } from './program.ts';
import { ownershipOf, sign } from './signature.ts';

/** Which runtimes the executables are for: those with CNI, or Podman with netavark. */
export type PluginKind = 'cni' | 'netavark';

const executables = { cni: ['tsnet', 'tsnet-ipam'], netavark: ['tsnet'] } as const;

/** Where the configuration of a first network lies, and where runtimes look for it. */
const conflistPath = 'etc/cni/net.d/10-tsnet.conflist';

/**
 * Where runtimes look for executables: for CNI the folder that Debian's packages use where it is there, else the one that
 * everybody uses; for netavark the one of Podman's for what no package brought.
 *
 * Source: containers.conf(5), `cni_plugin_dirs` and `netavark_plugin_dirs`; containerd's `bin_dir`.
 */
export function defaultPluginFolder(kind: PluginKind, prefix: string): string {
  if (kind === 'netavark') return '/usr/local/lib/netavark';
  return existsSync(join(prefix, '/usr/lib/cni')) ? '/usr/lib/cni' : '/opt/cni/bin';
}

/**
 * The executables of an installation, each a copy that knows where the rest of tsnet is.
 *
 * @param folder as seen on the host
 * @throws unsupported when the package was not built
 */
export function pluginFiles(kind: PluginKind, prefix: string, folder: string): InstallFile[] {
  const trailer = `\n# command: ${stablePath('tsnet')}\n# path: ${serviceSearchPath()}\n`;
  return executables[kind].map((name) => ({
    path: join(prefix, folder, name),
    text: sign(readExecutable(kind, name) + trailer),
    encoding: 'latin1',
    mode: 0o755,
    ownershipOf,
  }));
}

/** The same places, with nothing wanted there. */
export function noPluginFiles(kind: PluginKind, prefix: string, folder: string): InstallFile[] {
  return executables[kind].map((name) => ({
    path: join(prefix, folder, name),
    encoding: 'latin1',
    mode: 0o755,
    ownershipOf,
  }));
}

/**
 * The configuration of the node's default network, where there is one: the first by name.
 *
 * Source: libcni `ConfFiles`, containerd and CRI-O: `*.conf`, `*.conflist` and `*.json`, sorted.
 */
export function defaultNetworkFile(prefix: string): string | undefined {
  const folder = dirname(join(prefix, conflistPath));
  if (!existsSync(folder)) return undefined;
  const [first] = readdirSync(folder)
    .filter((name) => /\.(?:conf|conflist|json)$/.test(name))
    .sort();
  return first === undefined ? undefined : join(folder, first);
}

/** The configuration of a first network. Who changed it owns it: JSON has no place for a sign of ours. */
export function conflistFile(prefix: string): InstallFile & { readonly text: string } {
  return {
    path: join(prefix, conflistPath),
    text: conflist,
    mode: 0o644,
    ownershipOf: (text) => (text === conflist ? 'ours' : 'foreign'),
  };
}

/** Old runtimes take `cniVersion`, newer ones the highest of the list that they know. */
const conflist = `{
  "cniVersion": "1.0.0",
  "cniVersions": ["0.4.0", "1.0.0", "1.1.0"],
  "name": "tsnet",
  "plugins": [
    {
      "type": "tsnet",
      "bridge": "cni-tsnet",
      "isDefaultGateway": true,
      "ipMasq": true,
      "ipam": {
        "type": "tsnet-ipam",
        "ranges": [[{ "subnet": "10.87.0.0/16" }]]
      },
      "capabilities": {
        "portMappings": true,
        "bandwidth": true,
        "ips": true,
        "mac": true,
        "dns": true,
        "aliases": true,
        "ipRanges": true
      }
    }
  ]
}
`;

/** Bytes as a text of one character each, so that what is done to texts can be done to them. */
function readExecutable(kind: PluginKind, name: string): string {
  const path = join(packageFolder(), 'dist', kind, name);
  if (existsSync(path)) return readFileSync(path, 'latin1');
  throw new TsnetError('unsupported', `find ${path}: it is not there`, { hint: 'npm run build' });
}
