import type { ContainerView, NetworkView } from '../../../../src/inspect/engines/container-view.ts';
import type { Inspection } from '../../../../src/inspect/inspection.ts';
import { parseAddress, parseIp, parseSubnet, type Port } from '../../../../src/model/index.ts';
import { emptyNetns } from '../../../../src/observe/host/empty-netns.ts';
import type { LinkView, NetnsId, NetnsView, SocketView } from '../../../../src/observe/host/snapshot.ts';
import { plainLink } from '../../../support/plain-link.ts';

/** What a case changes of the healthy host. */
export interface Changes {
  readonly bridge?: Partial<LinkView>;
  readonly hostEnd?: Partial<LinkView>;
  readonly innerEnd?: Partial<LinkView>;
  readonly host?: Partial<NetnsView>;
  readonly inside?: Partial<NetnsView>;
  readonly web?: Partial<ContainerView>;
  readonly network?: Partial<NetworkView>;
  /** Lines of iptables-save that are put before the end of table filter, and those that are left out. */
  readonly rules?: readonly string[];
  /** The same for table nat. */
  readonly nat?: readonly string[];
  readonly without?: RegExp;
}

const hostId: NetnsId = 'net:1';
const webId: NetnsId = 'net:2';

/**
 * A host with an uplink (192.0.2.1), network `app` at `br-app`, and container `web` (10.66.0.3:80) published at 8088 as
 * Docker 20.10 does, with docker-proxy.
 */
export function smallHost(changes: Changes = {}): Inspection {
  const web = webOf(changes.web);
  return {
    schema: 'tsnet.snapshot/1',
    snapshot: {
      takenAt: '2026-11-21T12:00:00.000Z',
      host: { name: 'small', kernel: '6.18' },
      hostNetns: hostId,
      namespaces: [hostView(changes), insideView(changes, web)],
      gaps: [],
    },
    engines: [
      {
        kind: 'docker',
        version: '20.10.24',
        socket: '/run/docker.sock',
        networks: [
          {
            id: 'app-id',
            name: 'app',
            driver: 'bridge',
            isInternal: false,
            subnets: [{ subnet: parseSubnet('10.66.0.0/24'), gateway: parseIp('10.66.0.1') }],
            options: {},
            bridge: 'br-app',
            ...changes.network,
          },
        ],
        containers: [web],
      },
    ],
  };
}

/** A listening socket. */
export function socket(
  ip: string,
  port: number,
  command: string,
  fields: Partial<SocketView> = {},
): SocketView {
  return {
    protocol: 'tcp',
    ip: parseIp(ip),
    port: port as Port,
    isIpv6Only: false,
    linkIndex: undefined,
    inode: 1,
    uid: 0,
    waiting: 0,
    process: { pid: 700, command },
    ...fields,
  };
}

function webOf(changes: Partial<ContainerView> = {}): ContainerView {
  const published = {
    protocol: 'tcp',
    hostIp: parseIp('0.0.0.0'),
    hostPort: 8088,
    containerPort: 80,
  } as const;
  return {
    id: 'a'.repeat(64),
    name: 'web',
    image: 'web',
    state: 'running',
    pid: 500,
    networkMode: 'app',
    attachments: [
      {
        networkId: 'app-id',
        networkName: 'app',
        addresses: [parseIp('10.66.0.3')],
        gateway: parseIp('10.66.0.1'),
        aliases: [],
      },
    ],
    requestedPorts: [published],
    publishedPorts: [published],
    exposedPorts: ['80/tcp'],
    labels: {},
    ...changes,
  };
}

function hostView({ host, bridge, hostEnd, rules = [], nat = [], without = /^$/ }: Changes): NetnsView {
  const text = [...natRules, ...nat, 'COMMIT', ...filterRules, ...rules, 'COMMIT']
    .filter((line) => !without.test(line))
    .join('\n');
  return {
    ...empty(hostId),
    links: [
      plainLink({ index: 2, name: 'uplink0' }),
      plainLink({ index: 3, name: 'br-app', kind: 'bridge', ...bridge }),
      plainLink({
        index: 4,
        name: 'veth1',
        kind: 'veth',
        masterIndex: 3,
        peerIndex: 2,
        peerNsid: 0,
        ...hostEnd,
      }),
    ],
    nsids: [{ nsid: 0, netns: webId }],
    addresses: [address(1, '127.0.0.1/8'), address(2, '192.0.2.1/24'), address(3, '10.66.0.1/24')],
    routes: [route(undefined, 2, '192.0.2.2'), route('192.0.2.0/24', 2), route('10.66.0.0/24', 3)],
    sockets: [socket('0.0.0.0', 8088, 'docker-proxy')],
    sysctls: { 'ipv4/ip_forward': '1', 'bridge/bridge-nf-call-iptables': '1' },
    ruleSets: { iptables: [{ flavour: 'nft', family: 4, text }] },
    ...host,
  };
}

function insideView({ inside, innerEnd }: Changes, web: ContainerView): NetnsView {
  const pid = web.pid ?? 0;
  return {
    ...empty(webId),
    processes: [{ pid, command: 'httpd', cgroup: `/docker/${web.id}`, isInit: true }],
    links: [plainLink({ index: 2, name: 'eth0', kind: 'veth', peerIndex: 4, peerNsid: 0, ...innerEnd })],
    nsids: [{ nsid: 0, netns: hostId }],
    addresses: [address(2, '10.66.0.3/24')],
    routes: [route(undefined, 2, '10.66.0.1'), route('10.66.0.0/24', 2)],
    sockets: [socket('0.0.0.0', 80, 'httpd')],
    ...inside,
  };
}

function empty(id: NetnsId): NetnsView {
  const main = { family: 4, priority: 32_766, action: 'table', table: 254 } as const;
  return { ...emptyNetns(id), policyRules: [main] };
}

function address(linkIndex: number, text: string): NetnsView['addresses'][number] {
  return {
    linkIndex,
    address: parseAddress(text),
    peer: undefined,
    scope: 'global',
    flags: 0,
    isTentative: false,
    isDuplicate: false,
  };
}

/** A route of the main table; without a destination the default route. */
export function route(
  destination: string | undefined,
  linkIndex: number,
  gateway?: string,
): NetnsView['routes'][number] {
  return {
    family: 4,
    destination: destination === undefined ? undefined : parseSubnet(destination),
    from: undefined,
    table: 254,
    type: 'unicast',
    scope: 'global',
    protocol: 3,
    metric: undefined,
    mtu: undefined,
    source: undefined,
    nextHops: [{ gateway: gateway === undefined ? undefined : parseIp(gateway), linkIndex, weight: 1 }],
    nextHopId: undefined,
  };
}

const natRules = [
  '*nat',
  ':PREROUTING ACCEPT [0:0]',
  ':INPUT ACCEPT [0:0]',
  ':OUTPUT ACCEPT [0:0]',
  ':POSTROUTING ACCEPT [0:0]',
  ':DOCKER - [0:0]',
  '[5:300] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
  '[0:0] -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
  '[1:60] -A POSTROUTING -s 10.66.0.0/24 ! -o br-app -j MASQUERADE',
  '[0:0] -A DOCKER -i br-app -j RETURN',
  '[5:300] -A DOCKER ! -i br-app -p tcp -m tcp --dport 8088 -j DNAT --to-destination 10.66.0.3:80',
];

const filterRules = [
  '*filter',
  ':INPUT ACCEPT [0:0]',
  ':FORWARD DROP [0:0]',
  ':OUTPUT ACCEPT [0:0]',
  ':DOCKER - [0:0]',
  ':DOCKER-USER - [0:0]',
  '[9:540] -A FORWARD -j DOCKER-USER',
  '[4:240] -A FORWARD -o br-app -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '[5:300] -A FORWARD -o br-app -j DOCKER',
  '[3:180] -A FORWARD -i br-app ! -o br-app -j ACCEPT',
  '[0:0] -A FORWARD -i br-app -o br-app -j ACCEPT',
  '[5:300] -A DOCKER -d 10.66.0.3/32 ! -i br-app -o br-app -p tcp -m tcp --dport 80 -j ACCEPT',
];
