import * as v from 'valibot';
import { parseAddress, parseIp, parsePort, parseSubnet, type Mac } from '../model/index.ts';

/**
 * The form of a saved inspection. What is unknown is kept: a file of a later version with more in it can be read.
 * Texts may hold anything; addresses, numbers and choices are what they should be, so that nothing trips over them.
 */

/** A value that one of the model's readers takes as it is. */
function read<Value>(reader: (value: unknown) => Value, expected: string) {
  return v.custom<Value>((value) => {
    try {
      return reader(value) === value;
    } catch {
      return false;
    }
  }, `expected ${expected}`);
}

const ip = read((value) => parseIp(value), 'an address');
const address = read((value) => parseAddress(value), 'an address with its prefix length');
/** Also those that no interface may have: a loopback's zeros, groups. */
const mac = v.custom<Mac>(
  (value) => typeof value === 'string' && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(value),
  'expected a MAC address',
);
const port = read((value) => parsePort(value), 'a port');
/** A range as routes have it: the kernel's own, always canonical. */
const range = read((value) => parseSubnet(value), 'a range in CIDR form');
const family = v.picklist([4, 6]);
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const netnsId = v.custom<`net:${number}`>(
  (value) => typeof value === 'string' && /^net:\d{1,20}$/.test(value),
  'expected net: and a number',
);
const texts = v.array(v.string());

const link = v.looseObject({
  index: count,
  name: v.string(),
  kind: v.optional(v.string()),
  flags: count,
  isUp: v.boolean(),
  isRunning: v.boolean(),
  mtu: count,
  mac: v.optional(mac),
  alias: v.optional(v.string()),
  masterIndex: v.optional(count),
  peerIndex: v.optional(count),
  peerNsid: v.optional(v.number()),
  group: count,
  operState: v.string(),
  bridge: v.optional(v.looseObject({ stp: v.boolean(), ageingSeconds: v.number() })),
  bridgePort: v.optional(v.looseObject({ state: v.string(), hairpin: v.boolean() })),
  counters: v.optional(
    v.looseObject({
      receivedBytes: count,
      sentBytes: count,
      receivedPackets: count,
      sentPackets: count,
      dropped: count,
      errors: count,
    }),
  ),
});

const linkAddress = v.looseObject({
  linkIndex: count,
  address,
  peer: v.optional(ip),
  scope: v.union([v.string(), v.number()]),
  flags: count,
  isTentative: v.boolean(),
  isDuplicate: v.boolean(),
});

const route = v.looseObject({
  family,
  destination: v.optional(range),
  from: v.optional(range),
  table: count,
  type: v.string(),
  protocol: count,
  metric: v.optional(count),
  mtu: v.optional(count),
  source: v.optional(ip),
  nextHops: v.array(
    v.looseObject({ gateway: v.optional(ip), linkIndex: v.optional(v.number()), weight: count }),
  ),
});

const policyRule = v.looseObject({
  family,
  priority: count,
  from: v.optional(address),
  to: v.optional(address),
  mark: v.optional(count),
  markMask: v.optional(count),
  inputLink: v.optional(v.string()),
  outputLink: v.optional(v.string()),
  isInverted: v.optional(v.boolean()),
  action: v.string(),
  table: v.optional(count),
});

const neighbour = v.looseObject({ family, linkIndex: count, ip, mac: v.optional(mac), state: v.string() });

const forwardingEntry = v.looseObject({
  linkIndex: count,
  bridgeIndex: v.optional(count),
  mac,
  isPermanent: v.boolean(),
  vlan: v.optional(count),
});

const socket = v.looseObject({
  protocol: v.picklist(['tcp', 'udp']),
  ip,
  port,
  isIpv6Only: v.boolean(),
  linkIndex: v.optional(count),
  inode: count,
  uid: count,
  waiting: count,
  process: v.optional(v.looseObject({ pid: count, command: v.string() })),
});

const tuple = v.looseObject({
  source: v.optional(ip),
  destination: v.optional(ip),
  sourcePort: v.optional(count),
  destinationPort: v.optional(count),
});

const netns = v.looseObject({
  id: netnsId,
  paths: texts,
  processes: v.array(
    v.looseObject({ pid: count, command: v.string(), cgroup: v.string(), isInit: v.boolean() }),
  ),
  nsids: v.array(v.looseObject({ nsid: count, netns: netnsId })),
  links: v.array(link),
  addresses: v.array(linkAddress),
  routes: v.array(route),
  policyRules: v.array(policyRule),
  neighbours: v.array(neighbour),
  forwarding: v.array(forwardingEntry),
  sockets: v.array(socket),
  flows: v.optional(
    v.array(v.looseObject({ family, protocol: v.optional(count), original: tuple, reply: tuple })),
  ),
  ruleSets: v.optional(
    v.looseObject({
      nft: v.optional(v.unknown()),
      iptables: v.array(v.looseObject({ flavour: v.picklist(['nft', 'legacy']), family, text: v.string() })),
    }),
  ),
  sysctls: v.record(v.string(), v.string()),
});

const published = v.looseObject({
  protocol: v.picklist(['tcp', 'udp', 'sctp']),
  hostIp: v.optional(ip),
  hostPort: v.optional(count),
  containerPort: count,
});

const engine = v.looseObject({
  kind: v.picklist(['docker', 'podman', 'containerd', 'tsnet', 'cni', 'netavark']),
  version: v.string(),
  socket: v.string(),
  networks: v.array(
    v.looseObject({
      id: v.string(),
      name: v.string(),
      driver: v.string(),
      isInternal: v.boolean(),
      subnets: v.array(v.looseObject({ subnet: range, gateway: v.optional(ip), range: v.optional(range) })),
      options: v.record(v.string(), v.string()),
      bridge: v.optional(v.string()),
    }),
  ),
  containers: v.array(
    v.looseObject({
      id: v.string(),
      name: v.string(),
      image: v.string(),
      state: v.string(),
      pid: v.optional(count),
      networkMode: v.string(),
      sandboxPath: v.optional(v.string()),
      netns: v.optional(netnsId),
      attachments: v.array(
        v.looseObject({
          networkId: v.string(),
          networkName: v.string(),
          endpointId: v.optional(v.string()),
          addresses: v.array(ip),
          gateway: v.optional(ip),
          mac: v.optional(mac),
          aliases: texts,
        }),
      ),
      requestedPorts: v.array(published),
      publishedPorts: v.array(published),
      exposedPorts: texts,
      labels: v.record(v.string(), v.string()),
    }),
  ),
});

/** Everything but the schema's name, which is looked at first. */
export const inspectionSchema = v.looseObject({
  schema: v.literal('tsnet.snapshot/1'),
  snapshot: v.looseObject({
    takenAt: v.string(),
    host: v.looseObject({ name: v.string(), kernel: v.string() }),
    hostNetns: netnsId,
    namespaces: v.array(netns),
    gaps: v.array(v.looseObject({ what: v.string(), why: v.string() })),
  }),
  engines: v.array(engine),
});
