/** More than this are found quicker through a map. */
const few = 8;

/** Links by their index. Most namespaces have two or three, for which a map would cost more than it saves. */
export class LinkIndex<Entry extends { readonly index: number }> {
  readonly #links: readonly Entry[];
  readonly #byIndex: ReadonlyMap<number, Entry> | undefined;

  constructor(links: readonly Entry[]) {
    this.#links = links;
    this.#byIndex = links.length > few ? new Map(links.map((link) => [link.index, link])) : undefined;
  }

  get(index: number): Entry | undefined {
    if (this.#byIndex !== undefined) return this.#byIndex.get(index);
    return this.#links.find((link) => link.index === index);
  }
}
