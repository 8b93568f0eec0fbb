import type { RtnetlinkEvent } from '../kernel/netlink/index.ts';
import { ipOf, type EndpointId, type NetworkId } from '../model/index.ts';
import type { Context } from './context.ts';

/** Whom to tell. */
export interface AlarmListener {
  /** Something that is recorded was taken away. */
  onLoss(): void;
  /** A link of ours has changed, mostly by our own operations. */
  onLinkChange(): void;
  /** Rules have changed, perhaps by our own operations. */
  onRuleChange(): void;
}

/** Long enough that the many events of an attach are read when it is answered. */
const delayMs = 50;

/** What a flush took away is put back at once; the few events of an attach are still answered together. */
const rulesDelayMs = 5;

/** Listens for changes of links, addresses, routes, qdiscs and rules, until it is disposed of. @throws denied */
export function listenForAlarms(context: Context, listener: AlarmListener): Disposable {
  const { rtnetlink, firewall } = context.kernel;
  const links = rtnetlink.subscribe(
    ['link', 'address4', 'address6', 'route4', 'route6', 'qdisc'],
    (event) => {
      if (isLoss(context, event)) listener.onLoss();
      else if (event.kind === 'link' && event.link.alias?.startsWith(mark) === true) listener.onLinkChange();
    },
    { delayMs },
  );
  try {
    const rules = firewall.subscribe(() => listener.onRuleChange(), rulesDelayMs);
    return {
      [Symbol.dispose]() {
        links[Symbol.dispose]();
        rules[Symbol.dispose]();
      },
    };
  } catch (error) {
    links[Symbol.dispose]();
    throw error;
  }
}

const mark = 'tsnet:';
const networkMark = `${mark}network:`;
const endpointMark = `${mark}endpoint:`;

/** What the speed of containers is limited with. */
const limiting: ReadonlySet<string> = new Set(['tbf', 'clsact']);

/**
 * Whether a bridge is gone or set down, or a gateway's address or route or a limit of speed is gone, that should be there. Operations
 * that end something delete its record before the kernel's objects, so they raise no alarm. A lost veth is none either: its
 * container is gone.
 */
function isLoss({ state }: Context, event: RtnetlinkEvent): boolean {
  if (event.kind === 'lost') return true;
  if (event.kind === 'link') {
    const { alias = '', isUp, kind } = event.link;
    if (kind === 'ifb' && alias.startsWith(endpointMark) && !(event.action === 'set' && isUp)) {
      const id = alias.slice(endpointMark.length) as EndpointId;
      return state.read((view) =>
        view.networks().some((network) => view.endpoint(network.id, id) !== undefined),
      );
    }
    if (!alias.startsWith(networkMark) || (event.action === 'set' && isUp)) return false;
    const id = alias.slice(networkMark.length) as NetworkId;
    return state.read((view) => view.network(id)) !== undefined;
  }
  // What goes with its link is not told of.
  if (event.kind === 'qdisc') return event.action === 'deleted' && limiting.has(event.qdisc.kind);
  if (event.kind === 'route') return isRouteLoss(state, event);
  if (event.kind !== 'address' || event.action !== 'deleted' || event.address.scope === 'link') return false;
  const ip = ipOf(event.address.address);
  return state.read((view) =>
    view.networks().some(({ subnets }) => subnets.some(({ gateway }) => gateway === ip)),
  );
}

/** Whether the route to a network was deleted, or somebody else's has come to its place. */
function isRouteLoss(
  state: Context['state'],
  { action, route }: Extract<RtnetlinkEvent, { readonly kind: 'route' }>,
): boolean {
  const { type, destination, protocol } = route;
  if (type !== 'unicast' || destination === undefined) return false;
  if (action === 'set' && protocol === kernelProtocol) return false;
  return state.read((view) =>
    view.networks().some(({ subnets }) => subnets.some(({ subnet }) => subnet === destination)),
  );
}

/** RTPROT_KERNEL: who makes a route with an address. Source: `linux/rtnetlink.h`. */
export const kernelProtocol = 2;
