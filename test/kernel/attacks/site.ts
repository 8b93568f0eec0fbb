import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { forPrintf } from '../../support/frames.ts';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

/** A host with one network and containers that are processes with the capabilities that an engine gives by default. */
export interface Site extends AsyncDisposable {
  readonly host: Host;
  readonly bridge: string;
  readonly bridgeMac: string;
  readonly containers: readonly Container[];
  /** Runs a shell script on the host. */
  sh(script: string): Promise<string>;
}

/** A container that can send any frame: of what it may do, NET_RAW is enough for that. */
export interface Container {
  readonly netns: Netns;
  /** Its port of the bridge. */
  readonly port: string;
  readonly mac: string;
  readonly ip: string;
  readonly ip6: string;
  send(frame: Buffer): Promise<void>;
  /** Sends a frame again and again until it is disposed of. */
  flood(frame: Buffer): AsyncDisposable;
  /** Runs a shell script with those capabilities. */
  sh(script: string): Promise<string>;
}

/** What may differ. */
export interface SiteOptions {
  readonly firewall?: 'nftables' | 'iptables';
  readonly options?: Readonly<Record<string, string>>;
  readonly isInternal?: boolean;
  readonly hasIpv6?: boolean;
  readonly containers?: number;
  /** Ports of the first container, as Docker asks for them. */
  readonly ports?: readonly object[];
  /** A shell script that the host runs before there is a network. */
  readonly before?: string;
}

/** What an engine leaves to root in a container. Source: Docker Engine, "Runtime privilege and Linux capabilities". */
const capabilities =
  'chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,audit_write,setfcap'
    .split(',')
    .map((name) => `+${name}`)
    .join(',');

const confinement = [
  '--no-new-privs',
  `--inh-caps=-all,${capabilities}`,
  `--bounding-set=-all,${capabilities}`,
];

const NetworkID = 'a'.repeat(64);

/** Makes a site; the caller disposes of it. */
export async function createSite({
  firewall = 'nftables',
  options = {},
  isInternal = false,
  hasIpv6 = false,
  containers = 1,
  ports = [],
  before = 'true',
}: SiteOptions = {}): Promise<Site> {
  const host = await createHost(firewall);
  const sh = async (script: string) => (await host.netns.exec('sh', '-ec', script)).stdout;
  await sh(before);
  await host.succeed('NetworkDriver.CreateNetwork', {
    NetworkID,
    Options: {
      'com.docker.network.generic': options,
      ...(isInternal ? { 'com.docker.network.internal': true } : {}),
    },
    IPv4Data: [{ AddressSpace: '', Pool: '10.1.0.0/24', Gateway: '10.1.0.1/24' }],
    IPv6Data: hasIpv6 ? [{ AddressSpace: '', Pool: 'fd00:1::/64', Gateway: 'fd00:1::1/64' }] : [],
  });
  const made: Container[] = [];
  for (let index = 0; index < containers; index += 1) {
    made.push(await attach(host, index + 2, hasIpv6, index === 0 ? ports : []));
  }
  return {
    host,
    bridge: `tsb-${'a'.repeat(10)}`,
    bridgeMac: '02:42:0a:01:00:01',
    containers: made,
    sh,
    [Symbol.asyncDispose]: async () => {
      for (const { netns } of made) await netns[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** Plays the engine: asks for the endpoint, moves its link into the container and sets it up. */
async function attach(
  host: Host,
  number: number,
  hasIpv6: boolean,
  ports: readonly object[],
): Promise<Container> {
  const EndpointID = String(number).repeat(64);
  const ids = { NetworkID, EndpointID };
  const [ip, ip6] = [`10.1.0.${number}`, `fd00:1::${number}`];
  await host.succeed('NetworkDriver.CreateEndpoint', {
    ...ids,
    Interface: { Address: `${ip}/24`, ...(hasIpv6 ? { AddressIPv6: `${ip6}/64` } : {}) },
  });
  await host.succeed('NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/1' });
  const Options = { 'com.docker.network.portmap': ports };
  await host.succeed('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
  const netns = await createNetns('container');
  const part = String(number).repeat(10);
  await host.netns.exec('ip', 'link', 'set', `tsc-${part}`, 'netns', netns.name, 'name', 'eth0');
  await netns.exec(
    'sh',
    '-ec',
    `echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip link set eth0 up
     ip address add ${ip}/24 dev eth0; ip route add default via 10.1.0.1
     ${hasIpv6 ? `ip address add ${ip6}/64 dev eth0 nodad; ip route add default via fd00:1::1` : ''}`,
  );
  const start = (script: string) =>
    spawn('nsenter', [`--net=${netns.path}`, 'setpriv', ...confinement, 'sh', '-ec', script], {
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
    });
  const send = (size: number) => `exec socat -u -b ${size} - INTERFACE:eth0`;
  return {
    netns,
    port: `tsv-${part}`,
    mac: `02:42:0a:01:00:0${number}`,
    ip,
    ip6,
    async send(frame) {
      const child = start(send(frame.length));
      const ended = once(child, 'exit');
      child.stdin.end(frame);
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new Error(`the frame was not sent: ${code}`);
    },
    flood(frame) {
      const child = start(
        `while :; do printf '${forPrintf(frame)}'; sleep 0.002; done | ${send(frame.length).replace('exec ', '')}`,
      );
      const ended = once(child, 'exit');
      return {
        [Symbol.asyncDispose]: async () => {
          const group = -(child.pid ?? Number.NaN);
          process.kill(group, 'SIGKILL');
          await ended;
          while (isAlive(group)) await new Promise((resolve) => setTimeout(resolve, 5));
        },
      };
    },
    sh: async (script) => (await netns.exec('setpriv', ...confinement, 'sh', '-ec', script)).stdout,
  };
}

function isAlive(group: number): boolean {
  try {
    return process.kill(group, 0);
  } catch {
    return false;
  }
}

/** Lets what was sent arrive. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
