import { createNetns, type Netns } from '../../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../../support/script-inside.ts';

/**
 * A LAN, a host and two containers, as an engine would wire them: lan0 198.18.7.2 — hx0 198.18.7.1 (host) br-app
 * 10.66.0.1 — vweb — eth0 10.66.0.3 (web), and vcli — eth0 10.66.0.2 (cli). Port 8088 of the host is translated to
 * 10.66.0.3:80, and what leaves is masqueraded.
 */
export interface PortLab extends AsyncDisposable {
  readonly lan: Netns;
  readonly host: Netns;
  readonly web: Netns;
  readonly cli: Netns;
}

export async function createPortLab(): Promise<PortLab> {
  const lan = await createNetns('lan');
  const host = await createNetns('host');
  const web = await createNetns('web');
  const cli = await createNetns('cli');
  const remove = async (): Promise<void> => {
    for (const netns of [cli, web, host, lan]) await netns[Symbol.asyncDispose]();
  };
  try {
    await wire({ lan, host, web, cli });
  } catch (error) {
    await remove();
    throw error;
  }
  return { lan, host, web, cli, [Symbol.asyncDispose]: remove };
}

async function wire({ lan, host, web, cli }: Omit<PortLab, typeof Symbol.asyncDispose>): Promise<void> {
  const ip = (netns: Netns, command: string) => netns.exec('ip', ...command.split(' '));
  await ip(host, `link add hx0 type veth peer name lan0 netns ${lan.name}`);
  await ip(host, 'addr add 198.18.7.1/24 dev hx0');
  await ip(host, 'link set hx0 up');
  await ip(lan, 'addr add 198.18.7.2/24 dev lan0');
  await ip(lan, 'link set lan0 up');
  await ip(lan, 'route add default via 198.18.7.1');
  await ip(host, 'link add br-app type bridge');
  await ip(host, 'addr add 10.66.0.1/24 dev br-app');
  await ip(host, 'link set br-app up');
  for (const [netns, name, address] of [
    [web, 'vweb', '10.66.0.3'],
    [cli, 'vcli', '10.66.0.2'],
  ] as const) {
    await ip(host, `link add ${name} type veth peer name eth0 netns ${netns.name}`);
    await ip(host, `link set ${name} master br-app`);
    await ip(host, `link set ${name} up`);
    await ip(netns, `addr add ${address}/24 dev eth0`);
    await ip(netns, 'link set eth0 up');
    await ip(netns, 'route add default via 10.66.0.1');
  }
  await host.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await host.exec(
    'nft',
    `table ip engine {
       chain pre { type nat hook prerouting priority dstnat; fib daddr type local meta l4proto { tcp, udp } th dport 8088 counter dnat to 10.66.0.3:80; }
       chain out { type nat hook output priority -100; ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto { tcp, udp } th dport 8088 counter dnat to 10.66.0.3:80; }
       chain post { type nat hook postrouting priority srcnat; ip saddr 10.66.0.0/24 oifname != "br-app" counter masquerade; }
       chain user { type filter hook forward priority filter; }
     }`,
  );
}

/** A program in a namespace that answers every TCP connection and every datagram with `hello`, on one port. */
export async function startServer(netns: Netns, port: number, address = '0.0.0.0'): Promise<ScriptInside> {
  return await runScriptInside(
    netns,
    `const udp = require('dgram').createSocket('udp4');
     udp.on('message', (_, from) => udp.send('hello', from.port, from.address));
     udp.bind(${port}, '${address}', () =>
       require('net').createServer((socket) => socket.on('error', () => {}).end('hello'))
         .listen(${port}, '${address}', () => console.log('ready')));`,
  );
}

/** Connects from a namespace and gives what the server said. */
export async function ask(netns: Netns, address: string, port: number): Promise<string> {
  const { stdout } = await netns.exec('bash', '-c', `exec 3<>/dev/tcp/${address}/${port}; cat <&3`);
  return stdout;
}

/** Sends one datagram from a namespace and gives the answer. */
export async function askDatagram(netns: Netns, address: string, port: number): Promise<string> {
  const script = `exec 3<>/dev/udp/${address}/${port}; printf ping >&3; timeout 2 head -c5 <&3`;
  const { stdout } = await netns.exec('bash', '-c', script);
  return stdout;
}
