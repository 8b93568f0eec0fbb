import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  parseAddress,
  parseEndpointId,
  parseIfName,
  parseMac,
  parseNetworkId,
  parseSubnet,
  TsnetError,
  type Endpoint,
  type Network,
} from '../../../src/model/index.ts';
import { checkState, restoreState, State } from '../../../src/state/index.ts';
import { Store } from '../../../src/state/store.ts';
import { readStoreRecord } from '../../../src/state/store-record.ts';
import { seededRandom } from '../../support/random.ts';

// A program: damages a state again and again and uses it. Whoever started it sees by its end that nothing killed it, and by
// its lines in which round something else went wrong.

const [directory = '', runDirectory = '', count = '0', seed = '1', first = '0'] = process.argv.slice(2);
const bootId = 'boot-1';
const kinds = ['cut', 'flip', 'bytes', 'garbage', 'zeros', 'empty', 'delete'] as const;
const manners = ['read', 'write', 'write after a boot', 'check', 'restore'] as const;

const networkOf = (index: number): Network => ({
  id: parseNetworkId(String(index).padStart(64, '0')),
  origin: 'cli',
  bridge: parseIfName(`br-${index}`),
  isInternal: false,
  allowsIcc: true,
  masquerades: true,
  subnets: [{ subnet: parseSubnet(`10.${index}.0.0/24`) }],
  pools: [],
  // One that is too long for a page.
  options: { note: 'x'.repeat(index === 3 ? 9000 : index * 5) },
  createdAt: 1,
});

const endpointOf = (index: number): Endpoint => ({
  id: parseEndpointId(String(index).padStart(64, '1')),
  network: networkOf(index).id,
  mac: parseMac('02:42:0a:01:00:02'),
  addresses: [parseAddress(`10.${index}.0.2/24`)],
  hostLink: parseIfName(`th-${index}`),
  containerLink: parseIfName(`tc-${index}`),
  ports: [],
  createdAt: 1,
});

type Content = readonly [readonly Network[], readonly Endpoint[]];

const warnings: string[] = [];
const open = (boot: string, readOnly: boolean) =>
  State.open({ directory, runDirectory, bootId: boot, readOnly, warn: (message) => warnings.push(message) });
const contentOf = (state: State): Content => state.read((view) => [view.networks(), view.endpoints()]);

async function prepare(): Promise<string> {
  using state = open(bootId, false);
  for (let index = 0; index < 60; index++) {
    await state.transact((tx) => {
      tx.putNetwork(networkOf(index));
      tx.putEndpoint(endpointOf(index));
    });
  }
  const disk = Store.open(directory, { isReadOnly: true, isVolatile: false });
  const place = disk.read(readStoreRecord)?.pair?.directory;
  disk.close();
  if (place === undefined) throw new Error(`${runDirectory} is not in memory`);
  return place;
}

function damage(path: string, kind: (typeof kinds)[number], random: () => number): string {
  const content = readFileSync(path);
  const below = (limit: number) => Math.floor(random() * limit);
  switch (kind) {
    case 'cut': {
      const length = random() < 0.3 ? below(9000) : below(content.length);
      truncateSync(path, length);
      return `cut to ${length}`;
    }
    case 'flip': {
      const offsets = Array.from({ length: 1 + below(4) }, () =>
        // Heads are small, and worth every third round.
        random() < 0.3 ? below(8192) : below(content.length),
      );
      for (const offset of offsets) content[offset] = (content[offset] ?? 0) ^ (1 << below(8));
      writeFileSync(path, content);
      return `flipped at ${offsets.join(', ')}`;
    }
    case 'bytes':
    case 'zeros': {
      const [start, length] = [below(content.length), 1 + below(3000)];
      for (let at = start; at < Math.min(content.length, start + length); at++) {
        content[at] = kind === 'zeros' ? 0 : below(256);
      }
      writeFileSync(path, content);
      return `${kind} from ${start}, ${length}`;
    }
    case 'garbage':
      writeFileSync(path, Buffer.from(Array.from(content, () => below(256))));
      return 'garbage';
    case 'empty':
      truncateSync(path, 0);
      return 'emptied';
    case 'delete':
      rmSync(path);
      return 'deleted';
  }
}

/** What is wrong with an answer: it is neither what was recorded, nor was anybody told that it is not. */
function judge(found: Content, whole: Content, mayBeginAnew: boolean): string | undefined {
  if (isDeepStrictEqual(found, whole)) return undefined;
  if (mayBeginAnew && isDeepStrictEqual(found, [whole[0], []])) return undefined;
  return `${found[0].length} networks and ${found[1].length} endpoints, and nobody was told`;
}

async function use(manner: (typeof manners)[number], file: 'disk' | 'working', whole: Content) {
  if (manner === 'check') return void checkState({ directory, runDirectory, bootId });
  if (manner === 'restore') {
    restoreState({ directory, runDirectory, bootId });
    using state = open(bootId, false);
    return judge(contentOf(state), whole, file === 'working');
  }
  const isLater = manner === 'write after a boot';
  const expected: Content = isLater ? [whole[0], []] : whole;
  using state = open(isLater ? 'boot-2' : bootId, manner === 'read');
  // Who writes begins a working store anew, and says so; who reads can't.
  const found = judge(contentOf(state), expected, file === 'working' && manner !== 'read');
  if (found !== undefined || manner === 'read') return found;
  await state.transact((tx) => tx.putNetwork(networkOf(99)));
  const after = contentOf(state)[0].length;
  return after === whole[0].length + 1 ? undefined : `${after} networks after one more was written`;
}

const place = await prepare();
const whole = (() => {
  using state = open(bootId, true);
  return contentOf(state);
})();
const pristine = new Map(
  [directory, place].map((folder) => [folder, readFileSync(join(folder, 'data.mdb'))] as const),
);
const copy = readFileSync(join(directory, 'records.copy'));

for (let round = Number(first); round < Number(first) + Number(count); round++) {
  const random = seededRandom(Number(seed) * 1_000_003 + round);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const [file, kind, manner] = [pick(['disk', 'working'] as const), pick(kinds), pick(manners)];
  renew();
  const what = damage(join(file === 'disk' ? directory : place, 'data.mdb'), kind, random);
  process.stdout.write(`${round}: ${file} ${what}, ${manner}`);
  let outcome: string | undefined;
  try {
    outcome = await use(manner, file, whole);
    process.stdout.write(outcome === undefined ? ' fine\n' : ` WRONG ${outcome}\n`);
  } catch (error) {
    const isTold = error instanceof TsnetError && ['unavailable', 'conflict'].includes(error.kind);
    process.stdout.write(isTold ? ` told\n` : ` WRONG ${(error as Error).stack?.replaceAll('\n', ' ')}\n`);
  }
}

/** Puts the files back in place: the directories stay, because a working store is named after the disk's. */
function renew(): void {
  for (const [folder, content] of pristine) {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'data.mdb'), content);
  }
  writeFileSync(join(directory, 'records.copy'), copy);
}
