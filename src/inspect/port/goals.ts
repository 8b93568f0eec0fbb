import { familyOf, type Ip, type IpFamily } from '../../model/index.ts';
import { isAlive, notPublishedFinding, targetOfClaim, type Claim } from './claims.ts';
import { childOf } from './driver-findings.ts';
import { bad } from './hop.ts';
import { bridgeOf, isLoopback, ownAddress, type Owned } from './lookup.ts';
import type { PortQuestion } from './question.ts';
import type { Hop } from './report.ts';
import { findUplink, type Scene } from './scene.ts';

/** Where a packet is sent to, and from where. */
export interface Goal {
  readonly source: Ip;
  readonly destination: Ip;
  readonly port: number;
  readonly inLink?: string;
  /** What ends the way before it begins. */
  readonly hop?: Hop;
}

/** What the LAN or the host asks: the port of the host that leads to the container, or the container itself. */
export function goalFromHost(
  scene: Scene,
  question: PortQuestion,
  claim: Claim | undefined,
  origin: 'lan' | 'host' | 'localhost',
): Goal {
  const family = familyAsked(question, claim);
  const uplink = findUplink(scene.host, family);
  const loopback = (family === 4 ? '127.0.0.1' : '::1') as Ip;
  const own = claim && targetOfClaim(scene.inspection, claim, question, family);
  const isDirect =
    question.container !== undefined && (origin === 'host' || claim?.binding?.hostPort === undefined);
  const hostPort =
    question.container === undefined ? question.port : (claim?.binding?.hostPort ?? question.port);
  if (isDirect && question.address === undefined && claim !== undefined) {
    const { container } = claim.owner;
    const destination = own?.ip ?? uplink?.ip ?? loopback;
    if (origin === 'host' && own !== undefined) {
      const bridge = own.network && bridgeOf(scene.inspection, own.network);
      const source = (bridge && ownAddress(scene.host, bridge, family)) ?? uplink?.ip ?? loopback;
      return { source, destination, port: question.port };
    }
    if (own !== undefined && childOf(scene.inspection, own) !== undefined) {
      const source = (origin === 'lan' ? uplink?.client : uplink?.ip) ?? loopback;
      return { source, destination, port: question.port };
    }
    if (container.networkMode !== 'host' && isAlive(container) && own !== undefined) {
      const finding = notPublishedFinding(scene.inspection, claim.owner, question);
      const source = origin === 'lan' ? (uplink?.client ?? loopback) : loopback;
      return {
        source,
        destination: origin === 'lan' ? (uplink?.ip ?? destination) : loopback,
        port: question.port,
        hop: bad('published', finding, 'refused'),
      };
    }
  }
  if (origin === 'lan') {
    const bound = claim?.binding?.hostIp;
    const reachable =
      bound !== undefined && !isLoopback(bound) && bound !== '0.0.0.0' && bound !== '::' ? bound : uplink?.ip;
    const destination = question.address ?? reachable ?? loopback;
    return {
      source: uplink?.client ?? loopback,
      destination,
      port: hostPort,
      ...(uplink === undefined ? {} : { inLink: uplink.link.name }),
    };
  }
  const address = question.address ?? (origin === 'localhost' ? loopback : (uplink?.ip ?? loopback));
  return {
    source: isLoopback(address)
      ? loopback
      : question.address === undefined
        ? address
        : (uplink?.ip ?? address),
    destination: address,
    port: hostPort,
  };
}

/** A container asks another at an address in a network of both, the host at the gateway of its own. */
export function goalFromContainer(
  { inspection, host }: Scene,
  question: PortQuestion,
  claim: Claim | undefined,
  asker: Owned,
): { readonly destination: Ip; readonly port: number } {
  const family = familyAsked(question, claim);
  const mine = asker.container.attachments;
  if (question.address !== undefined) return { destination: question.address, port: question.port };
  if (question.container !== undefined && claim !== undefined) {
    const theirs = claim.owner.container.attachments;
    const shared = theirs.filter(({ networkId }) => mine.some((own) => own.networkId === networkId));
    const ips = [...shared, ...theirs].flatMap(({ addresses }) => addresses);
    const destination =
      ips.find((ip) => familyOf(ip) === family) ?? targetOfClaim(inspection, claim, question, family)?.ip;
    if (destination !== undefined) return { destination, port: question.port };
  }
  const gateway = mine
    .flatMap((own) => own.gateway ?? [])
    .find(
      (ip) => familyOf(ip) === family && host.addresses.some(({ address }) => address.startsWith(`${ip}/`)),
    );
  const destination = gateway ?? findUplink(host, family)?.ip ?? ((family === 4 ? '127.0.0.1' : '::1') as Ip);
  return { destination, port: claim?.binding?.hostPort ?? question.port };
}

function familyAsked({ address }: PortQuestion, claim: Claim | undefined): IpFamily {
  if (address !== undefined) return familyOf(address);
  const bound = claim?.binding?.hostIp;
  if (bound !== undefined && bound !== '::') return familyOf(bound);
  const ips = claim?.owner.container.attachments.flatMap(({ addresses }) => addresses) ?? [];
  return ips.length > 0 && ips.every((ip) => familyOf(ip) === 6) ? 6 : 4;
}
