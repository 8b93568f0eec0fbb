import { askEngine } from '../../../inspect/engines/docker-api.ts';
import { Rtnetlink } from '../../../kernel/netlink/index.ts';
import type { NameKind } from './complete.ts';

/** Somebody waits with a finger on the key. */
const timeoutMs = 500;

/** A word that no shell takes apart. */
const plainWord = /^[A-Za-z0-9][A-Za-z0-9_.@/-]*$/;

/** Names that can stand on a command line without quotes; none where nobody tells them. */
export async function namesOf(kind: NameKind): Promise<string[]> {
  const names = await readNames(kind).catch(() => []);
  return [...new Set(names)].filter((name) => plainWord.test(name)).sort();
}

async function readNames(kind: NameKind): Promise<string[]> {
  switch (kind) {
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
