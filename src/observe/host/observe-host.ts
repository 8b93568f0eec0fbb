import { hostname, release } from 'node:os';
import { findSocketOwners, readProcess, type SocketOwner } from '../../kernel/proc/index.ts';
import type { FoundNetns } from './find-namespaces.ts';
import { Gaps } from './gaps.ts';
import type { OpenNetns } from './open-netns.ts';
import { allParts, type Part } from './parts.ts';
import { emptyNetns } from './empty-netns.ts';
import type { NetnsFacts } from './read-netns.ts';
import type { FlowView, NetnsId, NetnsView, RuleSets, Snapshot } from './snapshot.ts';
import { Survey } from './survey.ts';

/** How far to look. */
export interface ObserveOptions {
  /** Path of the namespace that counts as the host; default the caller's own. */
  readonly hostNetns?: string;
  /** What is read of each namespace beside its links; default everything. */
  readonly parts?: readonly Part[];
  /** Of which namespaces the rules of nftables and iptables are read, which starts programs; default `none`. */
  readonly rules?: 'host' | 'all' | 'none';
  /** Whether the host's tracked connections are read; default `none`. */
  readonly flows?: 'host' | 'none';
}

/**
 * Looks at every network namespace of this machine. Nothing is changed and nothing is executed inside a container;
 * what can't be read is said in `gaps`.
 *
 * @throws not-found, denied, invalid-input for `hostNetns`
 */
export async function observeHost(options: ObserveOptions = {}): Promise<Snapshot> {
  const { hostNetns = '/proc/self/ns/net', rules = 'none', flows = 'none' } = options;
  const parts = new Set(options.parts ?? allParts);
  const takenAt = new Date().toISOString();
  const gaps = new Gaps();
  using survey = Survey.open(hostNetns, parts, gaps);
  const { host } = survey;
  // Programs run on their own meanwhile.
  const [, hostRules, hostFlows] = await Promise.all([
    survey.look(),
    readRuleSets(rules === 'none' ? [] : [host], gaps),
    flows === 'host' ? gaps.around(`${host.id} flows`, () => readFlows(host), undefined) : undefined,
  ]);
  const nsids = await survey.resolve();
  const { read } = survey;
  const inodes = read.flatMap(({ facts }) => facts.sockets.map(({ inode }) => inode));
  // The kernel's own sockets have none.
  const owners = await findSocketOwners(inodes.filter((inode) => inode !== 0));
  const others = rules === 'all' ? read.flatMap(({ netns }) => (netns === host ? [] : netns)) : [];
  const ruleSets = new Map([...hostRules, ...(await readRuleSets(others, gaps))]);
  const views = read.map(({ netns, facts }): NetnsView => {
    const own = { nsids: nsids.get(netns) ?? [], ruleSets: ruleSets.get(netns) };
    return viewOf(netns.found, facts, parts, owners, netns === host ? { ...own, flows: hostFlows } : own);
  });
  const closed = survey.closed.map((found) => viewOf(found, emptyNetns(`net:${found.inode}`), parts, owners));
  return {
    takenAt,
    host: { name: hostname(), kernel: release() },
    hostNetns: host.id,
    namespaces: [...views, ...closed].sort((one, other) => compareIds(one.id, other.id, host.id)),
    gaps: gaps.found,
  };
}

/** What starts programs is loaded when it is asked for: a map of links needs none of it. */
async function readRuleSets(
  namespaces: readonly OpenNetns[],
  gaps: Gaps,
): Promise<ReadonlyMap<OpenNetns, RuleSets>> {
  if (namespaces.length === 0) return new Map();
  const { readRules } = await import('./read-rules.ts');
  return await readRules(namespaces, gaps);
}

async function readFlows({ path }: OpenNetns): Promise<FlowView[]> {
  const { listFlows } = await import('../../kernel/conntrack/index.ts');
  const flows = await listFlows(path);
  return flows.map(({ family, protocol, original, reply }) => ({ family, protocol, original, reply }));
}

/** Field by field, because to copy objects takes longer than to read what is in them. */
function viewOf(
  { inode, paths, pids }: FoundNetns,
  facts: NetnsFacts,
  parts: ReadonlySet<Part>,
  owners: ReadonlyMap<number, SocketOwner>,
  { nsids = [], ruleSets, flows }: Partial<Undefinable<Pick<NetnsView, 'nsids' | 'ruleSets' | 'flows'>>> = {},
): NetnsView {
  return {
    links: facts.links,
    addresses: facts.addresses,
    routes: facts.routes,
    policyRules: facts.policyRules,
    neighbours: facts.neighbours,
    forwarding: facts.forwarding,
    sysctls: facts.sysctls,
    id: `net:${inode}`,
    paths,
    processes: parts.has('processes') ? pids.flatMap((pid) => readProcess(pid) ?? []) : [],
    nsids,
    sockets: facts.sockets.map((socket) => {
      const process = owners.get(socket.inode);
      return process === undefined ? socket : { ...socket, process };
    }),
    ...(ruleSets === undefined ? {} : { ruleSets }),
    ...(flows === undefined ? {} : { flows }),
  };
}

type Undefinable<Fields> = { [Name in keyof Fields]: Fields[Name] | undefined };

/** The host first, then by number. */
function compareIds(one: NetnsId, other: NetnsId, host: NetnsId): number {
  return Number(other === host) - Number(one === host) || Number(one.slice(4)) - Number(other.slice(4));
}
