import type { Ip, IpFamily } from '../../model/ip.ts';
import type { IfName } from '../../model/names.ts';
import * as addresses from './addresses.ts';
import type { Answers } from './ask-namespaces.ts';
import { createBridge, type NewBridge } from './bridges.ts';
import { configureLink, type LinkConfiguration } from './configure-link.ts';
import { listCountedLinks, type CountedLink } from './counted-links.ts';
import { NetlinkConnection, netlinkProtocols } from './connection.ts';
import { subscribe, type EventGroup, type RtnetlinkEvent, type SubscribeOptions } from './events.ts';
import { createIfb, type NewIfb } from './ifb.ts';
import type { Link } from './link.ts';
import type { BridgePortChange, LinkReference } from './link-messages.ts';
import { readLinkSettings, type LinkSettings } from './link-settings.ts';
import * as links from './links.ts';
import * as neighbours from './neighbours.ts';
import * as nsids from './nsids.ts';
import * as qdiscs from './qdiscs.ts';
import * as redirects from './tc-redirect.ts';
import type { TokenBucket } from './token-bucket.ts';
import type { Route } from './route.ts';
import * as routes from './routes.ts';
import * as rules from './rules.ts';
import { createVeth, type NewVeth } from './veth.ts';

/**
 * The interfaces, addresses and routes of one network namespace. Everything may throw `denied` without
 * CAP_NET_ADMIN there, and lists throw `try-again` when they changed each time they were read; the functions
 * behind the methods tell what else.
 */
export class Rtnetlink implements Disposable {
  /** The namespace's path; undefined for the process's own. */
  readonly netns: string | undefined;
  readonly #connection: NetlinkConnection;

  private constructor(connection: NetlinkConnection, netns: string | undefined) {
    this.#connection = connection;
    this.netns = netns;
  }

  /**
   * @param netns path of a namespace, such as `/run/netns/blue`; absent means the process's own
   * @throws not-found when there is no such namespace, denied without the capability to enter it
   */
  static open(netns?: string): Rtnetlink {
    return new Rtnetlink(NetlinkConnection.open(netlinkProtocols.route, netns), netns);
  }

  /**
   * One that keeps the event loop while the kernel works: to read many namespaces, or for a change that takes less than
   * the threads would. What waits for grace periods, as to delete a link, is not for it.
   *
   * @param answers what the namespace has said already
   */
  static openBlocking(netns?: string, answers?: Answers): Rtnetlink {
    return new Rtnetlink(NetlinkConnection.openBlocking(netlinkProtocols.route, netns, answers), netns);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  /** Every link, without counters. */
  async listLinks(): Promise<Link[]> {
    return await links.listLinks(this.#connection);
  }

  /** Every link with what passed it, and how it is set where that is asked for. */
  async listCountedLinks(options?: { readonly settings?: boolean }): Promise<CountedLink[]> {
    return await listCountedLinks(this.#connection, options);
  }

  /**
   * Links by name, those that exist, at a cost that does not depend on how many others there are. The kernel also
   * knows a link by its alternative names; then `Link.name` differs from the key.
   */
  async readLinks(names: readonly IfName[]): Promise<Map<string, Link>> {
    return await links.readLinks<string>(this.#connection, names);
  }

  /** Settings of links below `/proc/sys/net` that tsnet decides on, by link, such as `ipv6/accept_ra`. */
  readLinkSettings(names: readonly string[]): Map<string, LinkSettings> {
    return readLinkSettings(this.#connection, names);
  }

  /** Makes a bridge. @throws conflict when the name is taken */
  async createBridge(bridge: NewBridge): Promise<Link> {
    return await createBridge(this.#connection, bridge);
  }

  /**
   * Makes a veth pair, or nothing.
   *
   * @returns the end in this namespace; its `peerIndex` is the index of the other end in its namespace
   * @throws conflict when a name is taken, not-found for a missing master or namespace
   */
  async createVeth(veth: NewVeth): Promise<Link> {
    return await createVeth(this.#connection, veth);
  }

  /** Makes an ifb. @throws conflict when the name is taken, unsupported where the kernel has none */
  async createIfb(ifb: NewIfb): Promise<Link> {
    return await createIfb(this.#connection, ifb);
  }

  /** Changes a link. @throws not-found for the link or its master, conflict for a taken name */
  async setLink(link: LinkReference, change: links.LinkChange): Promise<void> {
    await links.setLink(this.#connection, link, change);
  }

  /** Gives a link addresses and routes and sets it up, at once. @throws not-found, kernel */
  async configureLink(link: IfName, configuration: LinkConfiguration): Promise<void> {
    await configureLink(this.#connection, link, configuration);
  }

  /** Changes how a port of a bridge works. @throws not-found, and kernel when it is in no bridge */
  async setBridgePort(link: LinkReference, change: BridgePortChange): Promise<void> {
    await links.setBridgePort(this.#connection, link, change);
  }

  /** Deletes a link. Gives false when there was none. @throws unsupported for hardware */
  async deleteLink(name: IfName): Promise<boolean> {
    return await links.deleteLink(this.#connection, name);
  }

  /** Deletes links, those that exist, at the cost of about two. @throws unsupported for hardware; then none is */
  async deleteLinks(names: readonly IfName[]): Promise<void> {
    await links.deleteLinks(this.#connection, names);
  }

  /** Addresses of all links or of one. @throws not-found for an unknown link */
  async listAddresses(filter?: addresses.AddressFilter): Promise<addresses.LinkAddress[]> {
    return await addresses.listAddresses(this.#connection, filter);
  }

  /** Gives an address to a link. @throws conflict when it has it already, not-found for an unknown link */
  async addAddress(address: addresses.NewAddress): Promise<void> {
    await addresses.addAddress(this.#connection, address);
  }

  /** Takes an address from a link. Gives false when address or link was not there. */
  async deleteAddress(address: Pick<addresses.NewAddress, 'link' | 'address'>): Promise<boolean> {
    return await addresses.deleteAddress(this.#connection, address);
  }

  /** Routes of all tables or of one. */
  async listRoutes(filter?: routes.RouteFilter): Promise<Route[]> {
    return await routes.listRoutes(this.#connection, filter);
  }

  /** The way a packet would go; undefined when no route leads there. */
  async getRoute(query: routes.RouteQuery): Promise<Route | undefined> {
    return await routes.getRoute(this.#connection, query);
  }

  /** Makes a route. @throws conflict when there is one, kernel when the gateway can't be reached */
  async addRoute(route: routes.NewRoute): Promise<void> {
    await routes.addRoute(this.#connection, route);
  }

  /** Deletes a route. Gives false when there was none. @throws not-found for an unknown link */
  async deleteRoute(route: routes.NewRoute): Promise<boolean> {
    return await routes.deleteRoute(this.#connection, route);
  }

  /** Known neighbours of both families. */
  async listNeighbours(): Promise<neighbours.Neighbour[]> {
    return await neighbours.listNeighbours(this.#connection);
  }

  /** Behind which port an address is, of one bridge or of all. @throws not-found for an unknown bridge */
  async listForwardingDatabase(bridge?: LinkReference): Promise<neighbours.ForwardingEntry[]> {
    return await neighbours.listForwardingDatabase(this.#connection, bridge);
  }

  /** Makes a neighbour known for good. @throws conflict when something is known of it already */
  async addNeighbour(neighbour: neighbours.NewNeighbour): Promise<void> {
    await neighbours.addNeighbour(this.#connection, neighbour);
  }

  /** Forgets a neighbour. Gives false when nothing was known of it. */
  async deleteNeighbour(neighbour: { readonly link: LinkReference; readonly ip: Ip }): Promise<boolean> {
    return await neighbours.deleteNeighbour(this.#connection, neighbour);
  }

  /** Rules of policy routing, of one family or both. */
  async listRules(family?: IpFamily): Promise<rules.PolicyRule[]> {
    return await rules.listRules(this.#connection, family);
  }

  /** Makes a rule. @throws conflict when there is the same one */
  async addRule(rule: rules.PolicyRule): Promise<void> {
    await rules.addRule(this.#connection, rule);
  }

  /** Deletes a rule. Gives false when there was none. */
  async deleteRule(rule: rules.PolicyRule): Promise<boolean> {
    return await rules.deleteRule(this.#connection, rule);
  }

  /** Every qdisc that is more than the absence of a queue. */
  async listQdiscs(): Promise<qdiscs.Qdisc[]> {
    return await qdiscs.listQdiscs(this.#connection);
  }

  /** The qdiscs at the root of links, by the link's index; links that are gone are left out. */
  async readRootQdiscs(linkIndexes: readonly number[]): Promise<Map<number, qdiscs.Qdisc>> {
    return await qdiscs.readRootQdiscs(this.#connection, linkIndexes);
  }

  /** Makes a link send through a token bucket. @throws not-found for the link, unsupported */
  async setTokenBucket(link: LinkReference, bucket: TokenBucket): Promise<void> {
    await qdiscs.setTokenBucket(this.#connection, link, bucket);
  }

  /** Takes the token bucket of a link away. Gives false when there was none. @throws not-found for the link */
  async deleteTokenBucket(link: LinkReference): Promise<boolean> {
    return await qdiscs.deleteTokenBucket(this.#connection, link);
  }

  /** Redirects everything that comes in at a link to an ifb. @throws not-found for a link, unsupported */
  async setRedirect(link: LinkReference, ifb: LinkReference): Promise<void> {
    await redirects.setRedirect(this.#connection, link, ifb);
  }

  /** Ends a redirection; one that is absent is success. @throws not-found for the link */
  async deleteRedirect(link: LinkReference): Promise<void> {
    await redirects.deleteRedirect(this.#connection, link);
  }

  /** The index of the ifb that what comes in at a link is redirected to, 0 when it is gone; undefined when it is not. */
  async readRedirect(linkIndex: number): Promise<number | undefined> {
    return await redirects.readRedirect(this.#connection, linkIndex);
  }

  /** The id by which this namespace knows another; undefined when it has none. @throws not-found for the path */
  async nsidOf(path: string): Promise<number | undefined> {
    return await nsids.nsidOf(this.#connection, path);
  }

  /** The ids by which this namespace knows others, given as descriptors; undefined for those without one. */
  async nsidsOf(descriptors: readonly number[]): Promise<(number | undefined)[]> {
    return await nsids.nsidsOf(this.#connection, descriptors);
  }

  /** Gives another namespace an id in this one, unless it has one, and tells it. @throws not-found for the path */
  async assignNsid(path: string): Promise<number> {
    return await nsids.assignNsid(this.#connection, path);
  }

  /** The ids of all namespaces that have one in this one. */
  async listNsids(): Promise<number[]> {
    return await nsids.listNsids(this.#connection);
  }

  /** Calls `onEvent` for every change until it is disposed of. */
  subscribe(
    groups: readonly EventGroup[],
    onEvent: (event: RtnetlinkEvent) => void,
    options: Omit<SubscribeOptions, 'netns'> = {},
  ): Disposable {
    return subscribe(groups, onEvent, this.netns === undefined ? options : { ...options, netns: this.netns });
  }
}
