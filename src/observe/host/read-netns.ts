import { Rtnetlink } from '../../kernel/netlink/index.ts';
import { listAllListeners, type Listener } from '../../kernel/sockets/index.ts';
import { emptyNetns } from './empty-netns.ts';
import type { Gaps } from './gaps.ts';
import type { Part } from './parts.ts';
import type { OpenNetns } from './open-netns.ts';
import { readSysctls } from './read-sysctls.ts';
import type { LinkView, NetnsView } from './snapshot.ts';

/** What was read of a namespace, before what it holds in common with others is known. */
export type NetnsFacts = Pick<
  NetnsView,
  'links' | 'addresses' | 'routes' | 'policyRules' | 'neighbours' | 'forwarding' | 'sysctls'
> & {
  readonly sockets: readonly Listener[];
};

/** Kinds that have a forwarding database. */
const forwarders: ReadonlySet<string | undefined> = new Set(['bridge', 'vxlan', 'macvlan', 'macvtap']);

/**
 * Reads one namespace; what it refuses becomes a gap.
 *
 * @param rtnetlink open there; undefined where it can't be entered
 */
export async function readNetns(
  netns: OpenNetns,
  rtnetlink: Rtnetlink | undefined,
  parts: ReadonlySet<Part>,
  host: OpenNetns,
  gaps: Gaps,
): Promise<NetnsFacts> {
  if (rtnetlink === undefined) return emptyNetns(netns.id);
  const { id, path } = netns;
  const read = async <Result>(part: Part, action: () => Promise<Result[]>): Promise<Result[]> =>
    parts.has(part) ? await gaps.around(`${id} ${part}`, action, []) : [];
  const [{ links, settings }, addresses, routes, policyRules, neighbours] = await Promise.all([
    gaps.around(`${id} links`, () => listLinks(rtnetlink, parts), noLinks),
    read('addresses', () => rtnetlink.listAddresses()),
    read('routes', () => rtnetlink.listRoutes()),
    read('policyRules', () => rtnetlink.listRules()),
    read('neighbours', () => rtnetlink.listNeighbours()),
    netns === host ? gaps.around(`${id} nsids`, () => rtnetlink.listNsids(), []) : [],
  ]);
  const hasForwarding = links.some(({ kind }) => forwarders.has(kind));
  return {
    links,
    addresses,
    routes,
    policyRules,
    neighbours,
    forwarding: hasForwarding ? await read('forwarding', () => rtnetlink.listForwardingDatabase()) : [],
    sockets: await read('sockets', () => listAllListeners(path)),
    sysctls: parts.has('sysctls')
      ? await gaps.around(
          `${id} sysctls`,
          () => ({ ...readSysctls(path, netns === host), ...settings }),
          settings,
        )
      : {},
  };
}

interface Links {
  readonly links: readonly LinkView[];
  /** As `NetnsView.sysctls`. */
  readonly settings: Readonly<Record<string, string>>;
}

const noLinks: Links = { links: [], settings: {} };

async function listLinks(rtnetlink: Rtnetlink, parts: ReadonlySet<Part>): Promise<Links> {
  const hasSettings = parts.has('sysctls');
  if (!parts.has('counters') && !hasSettings) return { links: await rtnetlink.listLinks(), settings: {} };
  const found = await rtnetlink.listCountedLinks({ settings: hasSettings });
  const settings = found.flatMap(({ link, settings: own = {} }) =>
    Object.entries(own).map(([name, value]) => {
      const [family = '', setting = ''] = name.split('/');
      return [`${family}/conf/${link.name}/${setting}`, value] as const;
    }),
  );
  return {
    links: found.map(({ link, counters }) => (counters === undefined ? link : { ...link, counters })),
    settings: Object.fromEntries(settings),
  };
}
