import { closeSync, constants, readdirSync, readFileSync } from 'node:fs';
import { native } from '../native.ts';
import { fromNativeError } from '../netlink/errno.ts';

const root = '/proc/sys/net';

/**
 * The settings of one network namespace, to read many of them: each folder below `/proc/sys/net` is opened once
 * inside, which costs a thread, and its files are read from outside.
 */
export class SysctlReader implements Disposable {
  readonly #netns: string | undefined;
  /** By folder; null where the kernel has none. */
  readonly #folders = new Map<string, string | null>();
  readonly #descriptors: number[] = [];

  /** @param netns path of a namespace; absent means the process's own */
  constructor(netns?: string) {
    this.#netns = netns;
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
    this.#folders.clear();
  }

  /**
   * A setting without the newline at its end; undefined where the kernel has none or does not let it be read.
   *
   * @param folder `ipv4`, `ipv6`, `bridge` or `netfilter`
   * @param name below that folder, such as `conf/eth0/forwarding`
   * @throws not-found when there is no such namespace, denied without the capability to enter it
   */
  read(folder: string, name: string): string | undefined {
    const base = this.#open(folder);
    if (base === null || name.split('/').some((part) => part === '..' || part === '.' || part === '')) return;
    try {
      return readFileSync(`${base}/${name}`, 'latin1').replace(/\n$/, '');
    } catch {
      return undefined;
    }
  }

  /** The names in a folder of settings, none where it is not there. @throws as `read` */
  list(folder: string, name: string): string[] {
    const base = this.#open(folder);
    try {
      return base === null ? [] : readdirSync(`${base}/${name}`);
    } catch {
      return [];
    }
  }

  #open(folder: string): string | null {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const base = this.#openNew(folder);
    this.#folders.set(folder, base);
    return base;
  }

  #openNew(folder: string): string | null {
    if (this.#netns === undefined) return `${root}/${folder}`;
    try {
      const flags = constants.O_RDONLY | constants.O_DIRECTORY;
      const descriptor = native().openFileIn(this.#netns, `${root}/${folder}`, flags);
      this.#descriptors.push(descriptor);
      return `/proc/self/fd/${descriptor}`;
    } catch (error) {
      // `open` of the namespace fails with the same code only when its path has gone, which its other readers tell.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw fromNativeError(`read sysctls net/${folder} in ${this.#netns}`, error);
    }
  }
}
