import type { RtnetlinkEvent } from '../kernel/netlink/index.ts';
import { ipOf, type NetworkId } from '../model/index.ts';
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

/** Listens for changes of links, addresses and rules, until it is disposed of. @throws denied */
export function listenForAlarms(context: Context, listener: AlarmListener): Disposable {
  const { rtnetlink, firewall } = context.kernel;
  const links = rtnetlink.subscribe(['link', 'address4', 'address6'], (event) => {
    if (isLoss(context, event)) listener.onLoss();
    else if (event.kind === 'link' && event.link.alias?.startsWith(mark) === true) listener.onLinkChange();
  });
  try {
    const rules = firewall.subscribe(() => listener.onRuleChange());
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

/**
 * Whether a bridge is gone or set down, or a gateway's address is gone, that should be there. Operations that end a network delete its
 * record before the kernel's objects, so they raise no alarm. A lost veth is none either: its container is gone.
 */
function isLoss({ state }: Context, event: RtnetlinkEvent): boolean {
  if (event.kind === 'lost') return true;
  if (event.kind === 'link') {
    const { alias = '', isUp } = event.link;
    if (!alias.startsWith(networkMark) || (event.action === 'set' && isUp)) return false;
    const id = alias.slice(networkMark.length) as NetworkId;
    return state.read((view) => view.network(id)) !== undefined;
  }
  if (event.kind !== 'address' || event.action !== 'deleted' || event.address.scope === 'link') return false;
  const ip = ipOf(event.address.address);
  return state.read((view) =>
    view.networks().some(({ subnets }) => subnets.some(({ gateway }) => gateway === ip)),
  );
}
