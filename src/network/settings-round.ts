import type { Resource } from '../model/index.ts';
import { readSettings } from '../observe/index.ts';
import type { Context } from './context.ts';

/** So many settings are read at a time at least, those of some 25 bridges: each bridge is a question to the kernel. */
const leastAtOnce = 128;
/** All have had their turn after so many looks: a change is put back within two seconds, however many networks there are. */
const mostLooks = 3;

/** Compares settings with what they should be, a part of them at each look, so that no look holds up the daemon for long. */
export class SettingsRound {
  #resources: readonly Resource[] | undefined;
  #settings: readonly (readonly [path: string, value: string])[] = [];
  #next = 0;

  /** Whether those whose turn it is are as they should be. All of them have had their turn after `looks` calls. */
  holds(resources: readonly Resource[], { kernel }: Pick<Context, 'kernel'>): boolean {
    this.#follow(resources);
    if (this.#next >= this.#settings.length) this.#next = 0;
    const size = this.#partSize;
    const part = this.#settings.slice(this.#next, this.#next + size);
    this.#next += size;
    const paths = part.map(([path]) => path);
    const found = readSettings(kernel, paths);
    // A setting goes with its bridge, which is told otherwise.
    return part.every(([path, value]) => (found.get(path) ?? value) === value);
  }

  /** How many looks a round takes. */
  get looks(): number {
    return Math.max(1, Math.ceil(this.#settings.length / this.#partSize));
  }

  get #partSize(): number {
    return Math.max(leastAtOnce, Math.ceil(this.#settings.length / mostLooks));
  }

  #follow(resources: readonly Resource[]): void {
    if (resources === this.#resources) return;
    this.#resources = resources;
    // Several networks share those of the host.
    const values = new Map(
      resources.flatMap((resource) =>
        resource.kind === 'sysctl' ? [[resource.path, resource.value] as const] : [],
      ),
    );
    this.#settings = [...values];
  }
}
