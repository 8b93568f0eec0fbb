import { createNetns, type Netns } from '../support/netns.ts';
import { formatBase, formatPorts, ruleCommands, type LinearPort } from './linear-rules.ts';
import type { Scope } from './scope.ts';
import { Shell } from './shell.ts';

/** A host on which a shell script does by `ip` and `iptables` what tsnet does: the peer. */
export class ScriptedHost {
  readonly netns: Netns;
  readonly shell: Shell;
  readonly bridges: readonly string[];

  private constructor(netns: Netns, shell: Shell, bridges: readonly string[]) {
    this.netns = netns;
    this.shell = shell;
    this.bridges = bridges;
  }

  /** Makes one with bridges br1, br2, … for 10.1.0.0/16, 10.2.0.0/16, … It ends with the scope. */
  static async start(scope: Scope, numberOfBridges: number): Promise<ScriptedHost> {
    const netns = scope.use(await createNetns('bench'));
    const shell = Shell.start(scope, netns.path);
    const numbers = Array.from({ length: numberOfBridges }, (_, index) => index + 1);
    await shell.run([
      'sysctl -qw net.ipv4.ip_forward=1',
      ...numbers.flatMap((number) => [
        `ip link add br${number} type bridge`,
        `ip address add 10.${number}.0.1/16 dev br${number}`,
        `ip link set br${number} up`,
      ]),
    ]);
    const networks = numbers.map((number) => ({ name: `br${number}`, subnet: `10.${number}.0.0/16` }));
    await shell.feed('iptables-restore --noflush', formatBase(networks));
    return new ScriptedHost(
      netns,
      shell,
      networks.map(({ name }) => name),
    );
  }

  /** Attaches many containers at once; `links[i]` belongs to `ports[i]`. */
  async fill(links: readonly string[], ports: readonly LinearPort[]): Promise<void> {
    const batch = links.flatMap((link, index) => [
      `link add ${link} type veth peer name c${link}`,
      `link set ${link} master ${ports[index]?.bridge ?? ''}`,
      `link set ${link} up`,
    ]);
    if (links.length > 0) await this.shell.feed('ip -batch -', batch.join('\n'));
    await this.publish(ports);
  }

  /** Adds rules in one transaction. */
  async publish(ports: readonly LinearPort[]): Promise<void> {
    await this.shell.feed('iptables-restore --wait --noflush', formatPorts(ports));
  }

  async attach(link: string, port: LinearPort): Promise<void> {
    await this.shell.run([
      `ip link add ${link} type veth peer name c${link}`,
      `ip link set ${link} master ${port.bridge}`,
      `ip link set ${link} up`,
      ...ruleCommands('-A', port),
    ]);
  }

  async detach(link: string, port: LinearPort): Promise<void> {
    await this.shell.run([...ruleCommands('-D', port), `ip link delete ${link}`]);
  }

  async unpublish(port: LinearPort): Promise<void> {
    await this.shell.run(ruleCommands('-D', port));
  }
}
