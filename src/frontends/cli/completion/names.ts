import { askEngine } from '../../../inspect/engines/docker-api.ts';
import { Rtnetlink } from '../../../kernel/netlink/index.ts';
import type { NameKind } from './complete.ts';

/** Somebody waits with a finger on the key. */
const timeoutMs = 500;

/** A word that no shell takes apart. */
const plainWord = /^[A-Za-z0-9][A-Za-z0-9_.@/-]*$/;

/** Names that only our records tell. */
export interface RecordedNames {
  readonly networks: readonly string[];
  readonly sandboxes: readonly string[];
}

/**
 * Names that can stand on a command line without quotes; none where nobody tells them.
 *
 * @param readRecorded is asked only where it can help
 */
export async function namesOf(kind: NameKind, readRecorded: () => RecordedNames): Promise<string[]> {
  const names = await readNames(kind).catch(() => []);
  return [...new Set([...names, ...recordedNames(kind, readRecorded)])]
    .filter((name) => plainWord.test(name))
    .sort();
}

function recordedNames(kind: NameKind, readRecorded: () => RecordedNames): readonly string[] {
  if (kind === 'network') return readRecorded().networks;
  return kind === 'container' || kind === 'sandbox' ? readRecorded().sandboxes : [];
}

async function readNames(kind: NameKind): Promise<string[]> {
  switch (kind) {
    case 'sandbox':
      return [];
    case 'container': {
      const list = (await askEngine('/containers/json?all=1', timeoutMs)) as readonly { Names?: string[] }[];
      return list.flatMap(({ Names }) => Names?.[0]?.replace(/^\//, '') ?? []);
    }
    case 'network': {
      const list = (await askEngine('/networks', timeoutMs)) as readonly { Name?: string }[];
      return list.flatMap(({ Name }) => Name ?? []);
    }
    case 'bridge':
      return await linkNames('bridge');
    case 'veth':
      return [...(await linkNames('veth')), ...(await readNames('container').catch(() => []))];
  }
}

async function linkNames(wanted: string): Promise<string[]> {
  using rtnetlink = Rtnetlink.open();
  const links = await rtnetlink.listLinks();
  return links.filter(({ kind }) => kind === wanted).map(({ name }) => name);
}
