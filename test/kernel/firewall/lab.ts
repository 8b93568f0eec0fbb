import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNetns, type Netns } from '../../support/netns.ts';

/**
 * A small world for one firewall, in namespaces of its own:
 *
 *     lan 192.0.2.2, 2001:db8::2 ─── host 192.0.2.1, 192.0.2.9, 2001:db8::1, 2001:db8::9
 *                                      ├── tsb-a 10.1.0.1/24, fd00:1::1/64 ── a1 (.2), a2 (.3)
 *                                      └── tsb-b 10.2.0.1/24, fd00:2::1/64 ── b1 (.2)
 *
 * `lan` is a hostile neighbour: it has routes to the subnets of the bridges. Every member answers on TCP and UDP port
 * 80 with its own name and the address it was asked from.
 */
export interface Lab extends AsyncDisposable {
  readonly host: Netns;
  readonly members: Readonly<Record<Member, Netns>>;
  /** The answer to a question from one member, such as `a1 192.0.2.2`; `timeout` or an errno if there is none. */
  ask(from: Member, protocol: 'tcp' | 'udp', address: string, port: number, source?: string): Promise<string>;
}

export type Member = 'lan' | 'host' | 'a1' | 'a2' | 'b1';

const members: readonly Member[] = ['lan', 'host', 'a1', 'a2', 'b1'];

export async function createLab(): Promise<Lab> {
  const spaces = Object.fromEntries(
    await Promise.all(members.map(async (name) => [name, await createNetns(name)])),
  ) as Record<Member, Netns>;
  const { lan, host } = spaces;

  await host.exec(
    'sh',
    '-ec',
    `ip link add eth0 type veth peer name eth0 netns ${lan.name}
     ip link set eth0 up
     ip address add 192.0.2.1/24 dev eth0
     ip address add 192.0.2.9/24 dev eth0
     ip address add 2001:db8::1/64 dev eth0 nodad
     ip address add 2001:db8::9/64 dev eth0 nodad preferred_lft 0
     echo 1 >/proc/sys/net/ipv4/ip_forward
     echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
     ${bridge('tsb-a', 1)}
     ${bridge('tsb-b', 2)}
     ${port('tsb-a', spaces.a1.name, 'a1')}
     ${port('tsb-a', spaces.a2.name, 'a2')}
     ${port('tsb-b', spaces.b1.name, 'b1')}`,
  );
  await lan.exec(
    'sh',
    '-ec',
    `ip link set eth0 up
     ip address add 192.0.2.2/24 dev eth0
     ip address add 2001:db8::2/64 dev eth0 nodad
     ip route add 10.0.0.0/8 via 192.0.2.1
     ip route add fd00::/16 via 2001:db8::1`,
  );
  await Promise.all([
    spaces.a1.exec('sh', '-ec', container(1, 2)),
    spaces.a2.exec('sh', '-ec', container(1, 3)),
    spaces.b1.exec('sh', '-ec', container(2, 2)),
  ]);
  const agents = Object.fromEntries(
    members.map((name) => [name, startAgent(name, spaces[name])]),
  ) as unknown as Record<Member, Agent>;
  await Promise.all(Object.values(agents).map(async (agent) => await agent.isReady));

  return {
    host,
    members: spaces,
    ask: async (from, protocol, address, port, source) =>
      await agents[from].ask({ protocol, address, port, ...(source === undefined ? {} : { from: source }) }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(Object.values(agents).map(async (agent) => await agent.stop()));
      await Promise.all(Object.values(spaces).map(async (space) => await space[Symbol.asyncDispose]()));
    },
  };
}

function bridge(name: string, net: number): string {
  return `ip link add ${name} type bridge
     echo 0 >/proc/sys/net/ipv6/conf/${name}/accept_dad
     echo 1 >/proc/sys/net/ipv4/conf/${name}/route_localnet
     ip link set ${name} up
     ip address add 10.${net}.0.1/24 dev ${name}
     ip address add fd00:${net}::1/64 dev ${name} nodad`;
}

function port(bridgeName: string, netns: string, name: string): string {
  return `ip link add ${name} type veth peer name eth0 netns ${netns}
     ip link set ${name} master ${bridgeName} up
     ip link set ${name} type bridge_slave hairpin on`;
}

function container(net: number, member: number): string {
  return `echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
     ip link set eth0 up
     ip address add 10.${net}.0.${member}/24 dev eth0
     ip address add fd00:${net}::${member}/64 dev eth0 nodad
     ip route add default via 10.${net}.0.1
     ip route add default via fd00:${net}::1`;
}

interface Agent {
  readonly isReady: Promise<unknown>;
  ask(question: Readonly<Record<string, unknown>>): Promise<string>;
  stop(): Promise<void>;
}

function startAgent(name: Member, space: Netns): Agent {
  const script = fileURLToPath(new URL('agent.mjs', import.meta.url));
  const child = spawn('nsenter', [`--net=${space.path}`, process.execPath, script, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => void child.on('exit', () => resolve()));
  const waiting = new Map<number, (answer: string) => void>();
  let lastId = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, answer } = JSON.parse(line) as { id: number; answer: string };
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  const ask: Agent['ask'] = async (question) =>
    await new Promise((resolve) => {
      waiting.set(++lastId, resolve);
      child.stdin.write(`${JSON.stringify({ id: lastId, ...question })}\n`);
    });
  return {
    // Its own server answers once it listens.
    isReady: ask({ protocol: 'tcp', address: '127.0.0.1', port: 80 }),
    ask,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
