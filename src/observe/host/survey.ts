import { existsSync, statSync, type Stats } from 'node:fs';
import { Rtnetlink } from '../../kernel/netlink/index.ts';
import { listProcesses } from '../../kernel/proc/index.ts';
import { invalid, TsnetError } from '../../model/index.ts';
import { emptyNetns } from './empty-netns.ts';
import { findNamespaces, type FindOptions, type FoundNetns } from './find-namespaces.ts';
import type { Gaps } from './gaps.ts';
import { inTurn } from './in-turn.ts';
import { openNetns, type OpenNetns } from './open-netns.ts';
import type { Part } from './parts.ts';
import { readNetns } from './read-netns.ts';
import { describeUnknown, resolveNsids, type ReadNetns, type Resolved } from './resolve-nsids.ts';

const closest: FindOptions = { mounts: true, descriptors: true };

/** The namespaces that were found, held open. */
export class Survey implements Disposable {
  readonly host: OpenNetns;
  /** What could be opened and read. */
  read: readonly ReadNetns[] = [];
  /** What could not be opened. */
  readonly closed: FoundNetns[] = [];
  readonly #opened: OpenNetns[] = [];
  readonly #sockets: (Rtnetlink | undefined)[] = [];
  readonly #known = new Set<number>();
  readonly #parts: ReadonlySet<Part>;
  readonly #gaps: Gaps;

  private constructor(host: OpenNetns, parts: ReadonlySet<Part>, gaps: Gaps) {
    this.host = host;
    this.#parts = parts;
    this.#gaps = gaps;
    this.#opened.push(host);
    this.#known.add(host.found.inode);
  }

  static async begin(hostNetns: string, parts: ReadonlySet<Part>, gaps: Gaps): Promise<Survey> {
    const inode = inodeAt(hostNetns);
    const processes = listProcesses();
    const hidden = processes.filter(({ netns }) => netns === undefined).length;
    if (hidden > 0) gaps.add('processes', `${hidden} may not be looked at`);
    // A veth whose other end is not found this way makes us look closer; so do questions about everything.
    const look = { mounts: parts.has('sockets'), descriptors: false };
    const found = findNamespaces(processes, gaps, look);
    const known = found.find((one) => one.inode === inode) ?? {
      inode,
      paths: [],
      pids: [],
      doors: [],
      isUncertain: false,
    };
    const host = openNetns({ ...known, doors: [hostNetns, ...known.doors] }, gaps);
    if (host === undefined) {
      throw new TsnetError('denied', `look at the network namespace ${hostNetns}: it can't be opened`);
    }
    const survey = new Survey(host, parts, gaps);
    await survey.#add([host, ...survey.#open(found)]);
    return survey;
  }

  [Symbol.dispose](): void {
    for (const one of [...this.#sockets, ...this.#opened]) one?.[Symbol.dispose]();
  }

  /** Tells what the ids of peers stand for; looks again, and closer, where one stands for nothing that was seen. */
  async resolve(): Promise<Resolved['nsids']> {
    const first = await this.#resolve();
    if (first.unknown.length === 0) return first.nsids;
    const more = this.#open(findNamespaces(listProcesses(), this.#gaps, closest));
    await this.#add(more);
    const { nsids, unknown } = more.length === 0 ? first : await this.#resolve();
    for (const { one, nsid } of unknown) {
      this.#gaps.add(`${one.netns.id} nsid ${nsid}`, describeUnknown(one, nsid));
    }
    return nsids;
  }

  #open(found: readonly FoundNetns[]): OpenNetns[] {
    const fresh = found.filter(({ inode }) => !this.#known.has(inode));
    return fresh.flatMap((one) => {
      const netns = openNetns(one, this.#gaps);
      if (netns !== undefined) this.#opened.push(netns);
      else if (isStillThere(one)) this.closed.push(one);
      this.#known.add(one.inode);
      return netns ?? [];
    });
  }

  async #add(namespaces: readonly OpenNetns[]): Promise<void> {
    // All at a stretch: each takes a thread, and threads that follow each other start in a third of the time.
    for (const { id, path } of namespaces) {
      const rtnetlink = await this.#gaps.around(id, () => Rtnetlink.openBlocking(path), undefined);
      this.#sockets.push(rtnetlink);
    }
    const first = this.#sockets.length - namespaces.length;
    const read = await inTurn([...namespaces.entries()], async ([index, netns]): Promise<ReadNetns> => {
      const rtnetlink = this.#sockets[first + index];
      return {
        netns,
        rtnetlink,
        facts: await readNetns(netns, rtnetlink, this.#parts, this.host, this.#gaps),
      };
    });
    this.read = [...this.read, ...read];
  }

  async #resolve(): Promise<Resolved> {
    const host = this.read.find(({ netns }) => netns === this.host) ?? {
      netns: this.host,
      rtnetlink: undefined,
      facts: emptyNetns(this.host.id),
    };
    return await resolveNsids(this.read, host, this.#gaps);
  }
}

function inodeAt(path: string): number {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const kind = code === 'ENOENT' || code === 'ENOTDIR' ? 'not-found' : 'denied';
    const message = `look at the network namespace ${path}: ${code}`;
    throw new TsnetError(kind, message, { cause: error, errno: code });
  }
  // All namespaces are files of one file system; of which kind it is, the kernel sees when it is entered.
  if (found.dev !== statSync('/proc/self/ns/net').dev) {
    throw invalid('network namespace', path, 'a path such as /run/netns/blue or /proc/12/ns/net');
  }
  return found.ino;
}

/** Whether something still leads to it: what has ended meanwhile is not part of what was seen. */
function isStillThere({ doors }: FoundNetns): boolean {
  return doors.some((door) => existsSync(door));
}
