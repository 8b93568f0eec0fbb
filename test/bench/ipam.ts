import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { allocate, poolIdOf, type NodeStore, type Pool } from '../../src/ipam/index.ts';
import { parseIp, parsePort, parseSubnet } from '../../src/model/index.ts';
import { State } from '../../src/state/index.ts';
import type { Part } from './bench.ts';
import { distributionOf, single, timed, type Distribution } from './figures.ts';

const taken = 1_000_000;
const rounds = 50;
const perRound = 200;
const commits = 300;
const bytesPerNode = 128;

/** What the next free address costs, what the tree of addresses takes, and what one durable commit costs on this disk. */
export const ipam: Part = async ({ scope, progress }) => {
  progress(`taking ${taken} addresses of a /8`);
  const dense = new AddressBook();
  for (let index = 0; index < taken; index++) dense.takeNext();
  const scattered = new AddressBook();
  for (let offset = 1; offset <= taken; offset++) scattered.take(offset * 16);
  const peer = new SearchedSet();
  for (let offset = 1; offset <= taken; offset++) peer.taken.add(offset);

  progress('allocating');
  const ours = microseconds(() => dense.takeNext(), perRound);
  const oursLowest = microseconds(() => dense.takeLowest(), perRound);
  const oursScattered = microseconds(() => scattered.takeNext(), perRound);
  const theirs = microseconds(() => peer.takeLowest(), 1);

  progress('committing to the disk');
  const folder = await mkdtemp(join(import.meta.dirname, '../bench-'));
  scope.onEnd(() => rm(folder, { recursive: true, force: true }));
  const flushes = await measureCommits(folder);
  return [
    {
      title: `addresses of a /8 with ${taken.toLocaleString('en')} taken`,
      notes: ['peer: a Set of addresses, searched from the first one'],
      figures: [
        { what: 'the next one after the last given', unit: 'µs', ours },
        { what: 'the lowest free one', unit: 'µs', ours: oursLowest, peer: theirs },
        { what: 'the next one, every 16th taken', unit: 'µs', ours: oursScattered },
        { what: 'memory of the tree, each address', unit: 'bytes', ours: single(dense.bytes / taken) },
        { what: '  every 16th taken', unit: 'bytes', ours: single(scattered.bytes / taken) },
      ],
    },
    {
      title: 'one durable commit on this disk',
      notes: ['peer: append to a file and fdatasync'],
      figures: [{ what: 'one record in the store', unit: 'ms', ...flushes }],
    },
  ];
};

/** A pool and its address tree in memory. */
class AddressBook {
  readonly #nodes = new Map<string, Uint8Array>();
  #pool: Pool;
  readonly #store: NodeStore = {
    get: (level, index) => this.#nodes.get(`${level}/${index}`),
    put: (level, index, node) => void this.#nodes.set(`${level}/${index}`, node),
    delete: (level, index) => void this.#nodes.delete(`${level}/${index}`),
  };

  constructor() {
    const subnet = parseSubnet('10.0.0.0/8', 'subnet');
    const id = poolIdOf({ space: 'local', subnet });
    this.#pool = { id, space: 'local', subnet, options: {}, createdAt: 0 };
  }

  /** Bytes of the tree's nodes, without what the map around them takes. */
  get bytes(): number {
    return this.#nodes.size * bytesPerNode;
  }

  takeNext(): void {
    this.#pool = allocate(this.#pool, this.#store, { kind: 'endpoint' }).pool;
  }

  takeLowest(): void {
    allocate(this.#pool, this.#store, { kind: 'gateway' });
  }

  take(offset: number): void {
    const text = `10.${offset >> 16}.${(offset >> 8) & 255}.${offset & 255}`;
    allocate(this.#pool, this.#store, { kind: 'endpoint', address: parseIp(text, 'address') });
  }
}

class SearchedSet {
  readonly taken = new Set<number>();

  takeLowest(): void {
    let offset = 1;
    while (this.taken.has(offset)) offset += 1;
    this.taken.add(offset);
  }
}

/** Microseconds of one action, as means of rounds. */
function microseconds(action: () => void, count: number): Distribution {
  const means = Array.from({ length: rounds }, () => {
    const start = performance.now();
    for (let turn = 0; turn < count; turn++) action();
    return ((performance.now() - start) * 1000) / count;
  });
  return distributionOf(means);
}

async function measureCommits(folder: string): Promise<{ ours: Distribution; peer: Distribution }> {
  using state = State.open({ directory: join(folder, 'state'), bootId: 'bench' });
  const file = openSync(join(folder, 'file'), 'a');
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let turn = 0; turn < commits; turn++) {
      const port = parsePort(1024 + turn, 'port');
      ours.push(await timed(() => state.transact((tx) => tx.putLastDynamicPort('tcp', port))));
      const start = performance.now();
      writeSync(file, `${JSON.stringify({ port })}\n`);
      fdatasyncSync(file);
      theirs.push(performance.now() - start);
    }
    return { ours: distributionOf(ours), peer: distributionOf(theirs) };
  } finally {
    closeSync(file);
  }
}
