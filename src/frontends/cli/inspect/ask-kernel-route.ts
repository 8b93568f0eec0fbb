import { type AskRoute, routeFromTables, type RouteQuestion } from '../../../inspect/port/index.ts';
import { Rtnetlink } from '../../../kernel/netlink/index.ts';
import { TsnetError } from '../../../model/index.ts';

type NetnsView = RouteQuestion['netns'];

/** How the kernel refuses a source that it would answer by another link. Source: Linux fib_frontend.c. */
const reversePath: ReadonlySet<string | undefined> = new Set(['EXDEV', 'EINVAL']);

/**
 * Asks the kernel itself; the entry that decided is named by the tables, which the kernel's answer leaves out. Where
 * it can't be asked, and where it refuses for lack of forwarding, the tables answer alone.
 *
 * @param host the namespace that counts as the host: the process's own
 */
export function askKernelRoute(host: NetnsView): AskRoute {
  return async (question) => {
    const fromTables = routeFromTables(question);
    const path = question.netns === host ? undefined : pathOf(question.netns);
    if (question.netns !== host && path === undefined) return fromTables;
    try {
      using rtnetlink = Rtnetlink.open(path);
      const route = await rtnetlink.getRoute(queryOf(question));
      const link = question.netns.links.find(({ index }) => index === route?.nextHops[0]?.linkIndex)?.name;
      if (route === undefined || link === undefined) return fromTables;
      if (fromTables.kind !== 'none' && fromTables.link === link) return fromTables;
      const gateway = route.nextHops[0]?.gateway;
      const via = gateway === undefined ? '' : ` via ${gateway}`;
      return {
        kind: route.type === 'local' ? 'local' : 'forward',
        link,
        ...(gateway === undefined ? {} : { gateway }),
        entry: `${question.to}${via} dev ${link}`,
      };
    } catch (error) {
      if (!(error instanceof TsnetError)) throw error;
      const isRefused = question.inLink !== undefined && reversePath.has(error.errno);
      return isRefused ? { kind: 'none', why: 'reverse-path' } : fromTables;
    }
  };
}

function queryOf({ to, from, inLink, mark, protocol }: RouteQuestion): Parameters<Rtnetlink['getRoute']>[0] {
  return {
    to,
    ...(from === undefined ? {} : { from }),
    ...(inLink === undefined ? {} : { inputLink: inLink }),
    ...(mark === undefined ? {} : { mark }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

function pathOf({ processes, paths }: NetnsView): string | undefined {
  const [process] = processes;
  return process === undefined ? paths[0] : `/proc/${process.pid}/ns/net`;
}
