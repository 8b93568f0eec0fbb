import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { NamedSandbox } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { extendHostsFile } from './hosts-file.ts';
import type { LaunchView } from './launch.ts';
import { formatResolvConf, readHostResolvConf } from './resolv-conf.ts';
import { filesOf, makeFolder } from './sandbox-folder.ts';

/**
 * Writes what a sandbox sees in the place of the host's files; the lines of the hosts file that follow from networks come
 * from `refreshHosts`.
 */
export function writeFiles({ runDirectory }: Context, sandbox: NamedSandbox): void {
  const files = filesOf(runDirectory, sandbox.id);
  makeFolder(files);
  // It tells of the command's last end.
  rmSync(files.exit, { force: true });
  if (sandbox.netns.kind === 'shared') return;
  const isApart = sandbox.netns.kind === 'own';
  writeFileSync(files.hosts, isApart ? '' : extendHostsFile(readHost('/etc/hosts'), sandbox.hosts), mode);
  writeFileSync(files.resolvConf, formatResolvConf(readHostResolvConf(), sandbox.dns, isApart), mode);
  if (sandbox.hostname !== undefined) writeFileSync(files.hostname, `${sandbox.hostname}\n`, mode);
}

/** What the command is to see. Who shares a namespace shares the files about it. */
export function viewOf({ runDirectory }: Context, sandbox: NamedSandbox): LaunchView {
  const { netns, hostname, dns } = sandbox;
  const files = filesOf(runDirectory, netns.kind === 'shared' ? netns.owner : sandbox.id);
  const isHost = netns.kind === 'host';
  const hasDns = dns.servers.length + dns.searches.length + dns.options.length > 0;
  return {
    ...(isHost ? {} : { netns: netns.path }),
    ...(hostname === undefined ? {} : { hostname, hostnameFile: files.hostname }),
    ...(isHost && sandbox.hosts.length === 0 ? {} : { hosts: files.hosts }),
    // A host without the file looks nothing up, and there is no place to put one.
    ...(hasDns || (!isHost && existsSync('/etc/resolv.conf')) ? { resolvConf: files.resolvConf } : {}),
  };
}

const mode = { mode: 0o644 };

function readHost(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
