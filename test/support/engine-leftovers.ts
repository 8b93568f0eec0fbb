import type { Run } from './engine-run.ts';

interface LinkFact {
  readonly ifname: string;
  readonly ifalias?: string;
}

interface NftListing {
  readonly nftables: readonly {
    readonly map?: NftSet;
    readonly set?: NftSet;
  }[];
}

interface NftSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

/**
 * Everything of tsnet on a host that belongs to a network or an endpoint, one line each: marked or named links,
 * elements of its nft table, iptables rules that name one of its links, records. What tsnet keeps while it has no
 * network (empty chains and sets) does not count. Asks `ip`, `nft` and `iptables`, not tsnet's own observer.
 */
export async function listLeftovers(exec: Run, tsnet: Run): Promise<string[]> {
  return [
    ...(await listLinks(exec)),
    ...(await listElements(exec)),
    ...(await listIptables(exec)),
    ...(await listRecords(tsnet)),
  ];
}

/**
 * What of these lines is of attachments: all but the CNI networks themselves, which stay until they are collected, like
 * any CNI bridge.
 */
export function leftOfAttachments(lines: readonly string[]): string[] {
  return lines.filter((line) => !/network:cni-|^record (?:network|pool|node)\/|"kind":"gateway"/.test(line));
}

async function listLinks(exec: Run): Promise<string[]> {
  const links = JSON.parse(await exec('ip', '-details', '-json', 'link')) as readonly LinkFact[];
  return links
    .filter(({ ifname, ifalias }) => /^ts[bvci]-/.test(ifname) || ifalias?.startsWith('tsnet:'))
    .map(({ ifname, ifalias }) => `link ${ifname} ${ifalias ?? ''}`.trim());
}

async function listElements(exec: Run): Promise<string[]> {
  if (!(await exec('nft', 'list', 'tables')).split('\n').includes('table inet tsnet')) return [];
  const listing = JSON.parse(await exec('nft', '--json', 'list', 'table', 'inet', 'tsnet')) as NftListing;
  return listing.nftables
    .map((object) => object.map ?? object.set)
    .filter((set) => set !== undefined)
    .flatMap((set) => (set.elem ?? []).map((element) => `element ${set.name} ${JSON.stringify(element)}`));
}

async function listIptables(exec: Run): Promise<string[]> {
  const rules = await Promise.all([exec('iptables-save'), exec('ip6tables-save')]);
  return rules
    .flatMap((text) => text.split('\n'))
    .filter((rule) => /\bts[bvc]-\w|tsnet:/.test(rule))
    .map((rule) => `iptables ${rule}`);
}

/** What was decided of networks, endpoints, pools and addresses; `meta/` holds no decisions. */
async function listRecords(tsnet: Run): Promise<string[]> {
  const dump = JSON.parse(await tsnet('state', 'dump')) as Readonly<Record<string, unknown>>;
  return Object.entries(dump)
    .filter(([key]) => !key.startsWith('meta/'))
    .map(([key, record]) => `record ${key} ${JSON.stringify(record)}`);
}
