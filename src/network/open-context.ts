import { openFirewall } from '../firewall/index.ts';
import { Rtnetlink } from '../kernel/netlink/index.ts';
import { ensureOwnFolder } from '../kernel/own-folder.ts';
import { bootId } from '../kernel/proc/index.ts';
import { State } from '../state/index.ts';
import { adoptSurvivors } from './adopt-survivors.ts';
import type { Context, Logger } from './context.ts';
import { refuseOtherNamespace } from './daemon-lock.ts';
import { LinkRemoval } from './link-removal.ts';

/** Which firewall translates and filters; `auto` takes nftables where the host has it. */
export type FirewallChoice = 'nftables' | 'iptables' | 'auto';

/** Where tsnet keeps what, and with what it works. */
export interface Settings {
  /** Holds the records that survive reboots, such as `/var/lib/tsnet`. */
  readonly stateDirectory: string;
  /** Holds locks, and the records of this boot if it is in memory; lost at reboot, such as `/run/tsnet`. */
  readonly runDirectory: string;
  readonly firewall: FirewallChoice;
  /** Path of the network namespace to work in; absent means the process's own. */
  readonly netns?: string;
}

/** A context that is closed when it is disposed of. */
export type OpenContext = Context & Disposable;

/**
 * Opens the records and the kernel of a network namespace for writing.
 *
 * @throws denied without the rights of root, or when others may write where records or locks lie; conflict when a daemon
 *   uses these records for another network namespace; unsupported when a program or a kernel feature is missing
 */
export async function openContext(settings: Settings, log: Logger): Promise<OpenContext> {
  ensureOwnFolder(settings.runDirectory);
  await refuseOtherNamespace(settings);
  const netns = settings.netns === undefined ? {} : { netns: settings.netns };
  const state = State.open({
    directory: settings.stateDirectory,
    runDirectory: settings.runDirectory,
    bootId: bootId(),
    warn: (message, fields) => log.warn(message, fields),
  });
  const rtnetlink = Rtnetlink.open(settings.netns);
  const firewall = await openFirewall({
    backend: settings.firewall,
    lockDirectory: settings.runDirectory,
    ...netns,
  }).catch((error: unknown) => {
    rtnetlink[Symbol.dispose]();
    state[Symbol.dispose]();
    throw error;
  });
  const linkRemoval = new LinkRemoval(Rtnetlink.open(settings.netns), log);
  const context: OpenContext = {
    state,
    kernel: { rtnetlink, firewall, ...netns },
    runDirectory: settings.runDirectory,
    log,
    linkRemoval,
    [Symbol.dispose]() {
      linkRemoval[Symbol.dispose]();
      firewall[Symbol.dispose]();
      rtnetlink[Symbol.dispose]();
      state[Symbol.dispose]();
    },
  };
  try {
    await adoptSurvivors(context);
    return context;
  } catch (error) {
    context[Symbol.dispose]();
    throw error;
  }
}
