import { closeSync, existsSync, statSync, type Stats } from 'node:fs';
import {
  answered,
  askNamespaces,
  nsidQuestion,
  Rtnetlink,
  type AskedNetns,
  type Question,
} from '../../kernel/netlink/index.ts';
import { listProcesses } from '../../kernel/proc/index.ts';
import { invalid, TsnetError } from '../../model/index.ts';
import { emptyNetns } from './empty-netns.ts';
import { findNamespaces, type FindOptions, type FoundNetns } from './find-namespaces.ts';
import type { Gaps } from './gaps.ts';
import { inTurn } from './in-turn.ts';
import { inParts, mapBounded } from './map-bounded.ts';
import { adoptNetns, openNetns, type OpenNetns } from './open-netns.ts';
import type { Part } from './parts.ts';
import { questionsOf, readNetns } from './read-netns.ts';
import { sysctlFolders } from './read-sysctls.ts';
import { describeUnknown, resolveNsids, type ReadNetns, type Resolved } from './resolve-nsids.ts';

/** Namespaces that are asked at once, and how many such parts are on their way: while one is read the next is asked. */
const partLength = 128;
const width = 3;

const closest: FindOptions = { mounts: true, descriptors: true };

/** The namespaces that were found, held open. */
export class Survey implements Disposable {
  readonly host: OpenNetns;
  /** What could be opened and read. */
  read: readonly ReadNetns[] = [];
  /** What could not be opened. */
  readonly closed: FoundNetns[] = [];
  readonly #found: readonly FoundNetns[];
  readonly #opened: OpenNetns[] = [];
  readonly #sockets: (Rtnetlink | undefined)[] = [];
  readonly #known = new Set<number>();
  readonly #parts: ReadonlySet<Part>;
  readonly #gaps: Gaps;
  /** Which id the host has in a namespace, where the other ends of most links are. */
  readonly #hostQuestion: Question;

  private constructor(host: OpenNetns, found: readonly FoundNetns[], parts: ReadonlySet<Part>, gaps: Gaps) {
    this.host = host;
    this.#found = found;
    this.#parts = parts;
    this.#gaps = gaps;
    this.#hostQuestion = nsidQuestion(host.descriptor);
    this.#opened.push(host);
    this.#known.add(host.found.inode);
  }

  /** Finds the namespaces and opens the host's. @throws not-found, denied, invalid-input for `hostNetns` */
  static open(hostNetns: string, parts: ReadonlySet<Part>, gaps: Gaps): Survey {
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
    return new Survey(host, found, parts, gaps);
  }

  /** Opens and reads all that were found. */
  async look(): Promise<void> {
    // The host's turn comes after the first small ones: while the kernel lists its links, those are read.
    await Promise.all([this.#add(this.#found), this.#addHost()]);
  }

  [Symbol.dispose](): void {
    for (const one of [...this.#sockets, ...this.#opened]) one?.[Symbol.dispose]();
  }

  /** Tells what the ids of peers stand for; looks again, and closer, where one stands for nothing that was seen. */
  async resolve(): Promise<Resolved['nsids']> {
    const first = await this.#resolve();
    if (first.unknown.length === 0) return first.nsids;
    const before = this.read.length;
    await this.#add(findNamespaces(listProcesses(), this.#gaps, closest));
    const { nsids, unknown } = this.read.length === before ? first : await this.#resolve();
    for (const { one, nsid } of unknown) {
      this.#gaps.add(`${one.netns.id} nsid ${nsid}`, describeUnknown(one, nsid));
    }
    return nsids;
  }

  /** Opens and reads what is not known yet, many at a time: the kernel answers for some while others are read. */
  async #add(found: readonly FoundNetns[]): Promise<void> {
    const fresh = found.filter(({ inode }) => !this.#known.has(inode));
    for (const { inode } of fresh) this.#known.add(inode);
    const read = await mapBounded(inParts(fresh, partLength), width, async (part) => {
      const asked = await this.#ask(part.map(({ doors: [door = ''] }) => door));
      // Before anything is read: what was opened is closed at the end, whatever fails.
      const opened = part.flatMap((one, index) => this.#open(one, asked[index]));
      return await inTurn(opened, ([netns, said]) => this.#read(netns, said));
    });
    this.read = [...this.read, ...read.flat()];
  }

  /** The host, which holds as much as all others together. */
  async #addHost(): Promise<void> {
    const [asked] = await this.#ask([`/proc/self/fd/${this.host.descriptor}`], true);
    if (asked?.descriptor !== undefined) closeSync(asked.descriptor);
    this.read = [await this.#read(this.host, asked), ...this.read];
  }

  /** Nothing where there can't be a thread: then each is asked by itself. */
  async #ask(doors: readonly string[], isHost = false): Promise<readonly AskedNetns[]> {
    const folders = this.#parts.has('sysctls') ? sysctlFolders(isHost) : [];
    try {
      return await askNamespaces(doors, [...questionsOf(this.#parts), this.#hostQuestion], folders);
    } catch (error) {
      if (error instanceof TsnetError) return [];
      throw error;
    }
  }

  #open(found: FoundNetns, asked: AskedNetns | undefined): (readonly [OpenNetns, AskedNetns | undefined])[] {
    const adopted = asked === undefined ? undefined : adoptNetns(found, asked);
    const netns = adopted ?? openNetns(found, this.#gaps);
    if (netns === undefined) {
      if (isStillThere(found)) this.closed.push(found);
      return [];
    }
    this.#opened.push(netns);
    return [[netns, adopted === undefined ? undefined : asked]];
  }

  async #read(netns: OpenNetns, asked: AskedNetns | undefined): Promise<ReadNetns> {
    const { id, path } = netns;
    const answers = asked?.answers;
    const rtnetlink = await this.#gaps.around(id, () => Rtnetlink.openBlocking(path, answers), undefined);
    this.#sockets.push(rtnetlink);
    const facts = await readNetns(netns, rtnetlink, asked, this.#parts, this.host, this.#gaps);
    const hostNsid = answers === undefined ? undefined : answered.nsid(answers, this.#hostQuestion);
    return { netns, rtnetlink, hostNsid, facts };
  }

  async #resolve(): Promise<Resolved> {
    const host = this.read.find(({ netns }) => netns === this.host) ?? {
      netns: this.host,
      rtnetlink: undefined,
      facts: emptyNetns(this.host.id),
    };
    return await resolveNsids(this.read, host, { all: this.#parts.has('sockets') }, this.#gaps);
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
