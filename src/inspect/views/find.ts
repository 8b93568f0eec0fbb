import { shortId, TsnetError } from '../../model/index.ts';

/** Something that people call by a name or by the beginning of an id. */
interface Named {
  readonly id: string;
  readonly name: string;
  /** Several may have things of one name. */
  readonly engine: string;
}

const shownNames = 5;

/**
 * The one that is called so: by its name, its id, or the beginning of its id.
 *
 * @param what such as `container`, for messages
 * @throws not-found with names that are nearly the same; conflict when several fit
 */
export function findNamed<Item extends Named>(items: readonly Item[], wanted: string, what: string): Item {
  const plain = wanted.replace(/^\//, '');
  const exact = items.filter(({ id, name }) => name === plain || id === plain);
  const found = exact.length > 0 ? exact : items.filter(({ id }) => plain !== '' && id.startsWith(plain));
  const [one, ...others] = found;
  if (one === undefined)
    throw notFound(
      what,
      wanted,
      items.map(({ name }) => name),
    );
  if (others.length > 0) {
    throw new TsnetError('conflict', `${what} ${wanted}: ${found.length} of them fit`, {
      hint: `name it by its id: ${found.map(wordsOf).join(', ')}`,
    });
  }
  return one;
}

function wordsOf({ id, engine }: Named): string {
  return `${shortId(id)} (${engine})`;
}

/** The error for a name that nothing has, with those that are nearly the same. */
export function notFound(what: string, wanted: string, names: readonly string[]): TsnetError {
  const near = nearNames(wanted, names);
  return new TsnetError('not-found', `${what} ${wanted} is not known`, {
    hint:
      near.length > 0
        ? `did you mean ${near.join(', ')}?`
        : names.length > 0
          ? `known: ${[...new Set(names)].sort().slice(0, shownNames).join(', ')}${names.length > shownNames ? ', …' : ''}`
          : `no ${what} was seen`,
  });
}

/** Names that hold the wanted text or differ from it by few characters, the nearest first. */
export function nearNames(wanted: string, names: readonly string[]): string[] {
  const lower = wanted.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  return [...new Set(names)]
    .map((name) => {
      const distance = editDistance(lower, name.toLowerCase());
      const holds = lower.length >= 2 && name.toLowerCase().includes(lower);
      return { name, distance: holds ? Math.min(distance, 1) : distance };
    })
    .filter(({ distance }) => distance <= limit)
    .sort((one, other) => one.distance - other.distance || (one.name < other.name ? -1 : 1))
    .slice(0, shownNames)
    .map(({ name }) => name);
}

/** How many characters must be added, taken away or changed. Source: Levenshtein, Wagner and Fischer. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [line, character] of Array.from(one).entries()) {
    const next = [line + 1];
    for (let column = 0; column < other.length; column++) {
      const change = (row[column] ?? 0) + (other[column] === character ? 0 : 1);
      next.push(Math.min(change, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
