import {
  answered,
  questions,
  type Answers,
  type AskedNetns,
  type CountedLink,
  type LinkAddress,
  type Question,
  type Rtnetlink,
} from '../../kernel/netlink/index.ts';
import { listAllListeners, listenerQuestions, type Listener } from '../../kernel/sockets/index.ts';
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

/** What `readNetns` asks of every namespace, so that it can be asked of many at once. */
export function questionsOf(parts: ReadonlySet<Part>): Question[] {
  const listed = (['addresses', 'routes', 'policyRules', 'neighbours'] as const).filter((part) =>
    parts.has(part),
  );
  return [
    ...(countsLinks(parts) ? questions.countedLinks : questions.links),
    ...listed.flatMap((part) => questions[part]),
    ...(parts.has('sockets') ? listenerQuestions() : []),
  ];
}

/**
 * Reads one namespace; what it refuses becomes a gap.
 *
 * @param rtnetlink open there; undefined where it can't be entered
 * @param asked what it has said already
 */
export async function readNetns(
  netns: OpenNetns,
  rtnetlink: Rtnetlink | undefined,
  asked: AskedNetns | undefined,
  parts: ReadonlySet<Part>,
  host: OpenNetns,
  gaps: Gaps,
): Promise<NetnsFacts> {
  if (rtnetlink === undefined) return emptyNetns(netns.id);
  const { id, path } = netns;
  const answers = asked?.answers;
  const read = async <Result>(part: Part, action: () => Promise<Result[]>): Promise<Result[]> =>
    await gaps.around(`${id} ${part}`, action, []);
  // Of thousands of namespaces most are read without any wait: a promise takes longer than what it stands for.
  const { links, settings } =
    knownLinks(answers, parts) ??
    (await gaps.around(`${id} links`, () => listLinks(rtnetlink, parts), noLinks));
  const addresses = parts.has('addresses')
    ? (knownAddresses(answers) ?? (await read('addresses', () => rtnetlink.listAddresses())))
    : [];
  const hasForwarding = parts.has('forwarding') && links.some(({ kind }) => forwarders.has(kind));
  return {
    links,
    addresses,
    routes: parts.has('routes') ? await read('routes', () => rtnetlink.listRoutes()) : [],
    policyRules: parts.has('policyRules') ? await read('policyRules', () => rtnetlink.listRules()) : [],
    neighbours: parts.has('neighbours') ? await read('neighbours', () => rtnetlink.listNeighbours()) : [],
    forwarding: hasForwarding ? await read('forwarding', () => rtnetlink.listForwardingDatabase()) : [],
    sockets: parts.has('sockets') ? await read('sockets', () => listAllListeners(path, answers)) : [],
    sysctls: parts.has('sysctls')
      ? await gaps.around(
          `${id} sysctls`,
          () => ({ ...readSysctls(path, netns === host, asked?.files), ...settings }),
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

/** The links among the answers; undefined where they have to be asked for. */
function knownLinks(answers: Answers | undefined, parts: ReadonlySet<Part>): Links | undefined {
  if (answers === undefined) return undefined;
  if (countsLinks(parts)) {
    const found = answered.countedLinks(answers, parts.has('sysctls'));
    return found === undefined ? undefined : withSettings(found);
  }
  const links = answered.links(answers);
  return links === undefined ? undefined : { links, settings: {} };
}

function knownAddresses(answers: Answers | undefined): LinkAddress[] | undefined {
  return answers === undefined ? undefined : answered.addresses(answers);
}

async function listLinks(rtnetlink: Rtnetlink, parts: ReadonlySet<Part>): Promise<Links> {
  if (!countsLinks(parts)) return { links: await rtnetlink.listLinks(), settings: {} };
  return withSettings(await rtnetlink.listCountedLinks({ settings: parts.has('sysctls') }));
}

function withSettings(found: readonly CountedLink[]): Links {
  // Nobody else has them yet, and to copy one takes as long as to read it.
  const links = found.map(({ link, counters }) =>
    counters === undefined ? link : Object.assign(link, { counters }),
  );
  if (found.every(({ settings }) => settings === undefined)) return { links, settings: {} };
  const settings = found.flatMap(({ link, settings: own }) =>
    own === undefined
      ? []
      : Object.entries(own).map(([name, value]) => {
          const [family = '', setting = ''] = name.split('/');
          return [`${family}/conf/${link.name}/${setting}`, value] as const;
        }),
  );
  return { links, settings: Object.fromEntries(settings) };
}

/** Settings are told with the counters. */
function countsLinks(parts: ReadonlySet<Part>): boolean {
  return parts.has('counters') || parts.has('sysctls');
}
