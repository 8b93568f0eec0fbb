import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { netnsIdOf } from '../kernel/netns/index.ts';
import type { NamedSandbox, ProcessRef, SandboxId } from '../model/index.ts';

/** The process of `native/run` that waits for the command of a sandbox; its command line names the sandbox. */
const launcher = /(?:^|\/)tsnet-run\0(?:.*\0)?--exit-file\0[^\0]*\/sandboxes\/([0-9a-f]{64})\/exit\0/s;

interface Found {
  readonly pid: number;
  readonly parent: number;
  readonly startTime: string;
}

/**
 * Sandboxes that are recorded as ended with the host although their commands run, as they are to be recorded: the disk has only
 * what a boot would leave of them. A command is the child of the process that waits for it, and is in the namespace of its
 * sandbox. Containers can't pretend: what counts is a process of root in the mount namespace of the host or our own.
 */
export function findRunningSandboxes(recorded: readonly NamedSandbox[]): NamedSandbox[] {
  const candidates = recorded.filter(({ end }) => end !== undefined && end.at === undefined);
  if (candidates.length === 0) return [];
  const commands = findCommands();
  return candidates.flatMap((sandbox) => {
    const process = commands.get(sandbox.id);
    const netns = process === undefined ? undefined : namespaceOf(sandbox, process);
    if (process === undefined || netns === undefined) return [];
    const { end: _, ...rest } = sandbox;
    return [{ ...rest, netns, process }];
  });
}

/** Undefined where the command is not in the namespace that the sandbox is recorded with. */
function namespaceOf({ netns }: NamedSandbox, { pid }: ProcessRef): NamedSandbox['netns'] | undefined {
  try {
    const id = netnsIdOf(`/proc/${pid}/ns/net`);
    if (netns.kind === 'host') return id === netnsIdOf() ? netns : undefined;
    if (id !== netnsIdOf(netns.path)) return undefined;
    return netns.kind === 'own' ? { ...netns, id } : netns;
  } catch {
    return undefined;
  }
}

function findCommands(): ReadonlyMap<SandboxId, ProcessRef> {
  const mountNamespaces = new Set(
    ['self', '1'].map((pid) => read(() => readlinkSync(`/proc/${pid}/ns/mnt`))),
  );
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(name) ?? []) : []));
  const sandboxes = new Map<number, SandboxId>();
  for (const { pid } of processes) {
    const id = launcher.exec(read(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')) ?? '')?.[1];
    if (id === undefined || !mountNamespaces.has(read(() => readlinkSync(`/proc/${pid}/ns/mnt`)))) continue;
    const isOfRoot = /^Uid:\t0\t0\t/m.test(read(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? '');
    if (isOfRoot) sandboxes.set(pid, id as SandboxId);
  }
  // Before the command is executed it has the command line of its parent.
  return new Map(
    processes.flatMap(({ pid, parent, startTime }) => {
      const id = sandboxes.get(parent);
      return id === undefined ? [] : [[id, { pid, startTime }] as const];
    }),
  );
}

/** Source: proc_pid_stat(5): the parent is field 4, the start time 22. Undefined for one that has ended. */
function statOf(pid: string): Found | undefined {
  const text = read(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if ('ZXx'.includes(fields[0] ?? '')) return undefined;
  return { pid: Number(pid), parent: Number(fields[1]), startTime: fields[19] ?? '' };
}

/** Processes end at any time. */
function read(what: () => string): string | undefined {
  try {
    return what();
  } catch {
    return undefined;
  }
}
