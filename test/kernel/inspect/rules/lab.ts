import { spawn } from 'node:child_process';
import type { IpFamily } from '../../../../src/model/index.ts';
import type { RuleSets } from '../../../../src/observe/host/snapshot.ts';
import type { Netns } from '../../../support/netns.ts';
import { randomIptables, randomNft, toIpv6, type Dice } from './random-rules.ts';

/** Puts random rules of random authors into a namespace, in place of those that are there. */
export async function loadRandomRules(
  family: IpFamily,
  router: Netns,
  dice: Dice,
  hasLegacy: boolean,
): Promise<void> {
  const own = (text: string) => (family === 4 ? text : toIpv6(text));
  const program = family === 4 ? 'iptables' : 'ip6tables';
  await router.exec('nft', 'flush', 'ruleset');
  if (hasLegacy) await feed(router, [`${program}-legacy-restore`], noLegacyRules);
  const authors = dice.some(['iptables', 'nft', ...(hasLegacy ? ['legacy'] : []), 'nft2'], 3);
  for (const author of authors.length === 0 ? ['nft'] : authors) {
    if (author === 'iptables') await feed(router, [`${program}-nft-restore`], own(randomIptables(dice)));
    else if (author === 'legacy')
      await feed(router, [`${program}-legacy-restore`], own(randomIptables(dice)));
    else await feed(router, ['nft', '-f', '-'], own(randomNft(dice, author)));
  }
}

const noLegacyRules = Object.entries({
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
})
  .map(
    ([table, chains]) => `*${table}\n${chains.map((chain) => `:${chain} ACCEPT [0:0]\n`).join('')}COMMIT\n`,
  )
  .join('');

/** Runs a command in a namespace with text for its input. */
export async function feed(netns: Netns, command: readonly string[], input: string): Promise<void> {
  const child = spawn('nsenter', [`--net=${netns.path}`, ...command], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command.join(' ')}: ${said}\n${input}`);
}

/** What an observation of the namespace gives. */
export async function readRuleSets(family: IpFamily, netns: Netns): Promise<RuleSets> {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const save = async (flavour: 'nft' | 'legacy') =>
    (await netns.exec(`${program}-${flavour}-save`, '-c')).stdout;
  return {
    nft: JSON.parse((await netns.exec('nft', '--json', 'list', 'ruleset')).stdout) as unknown,
    iptables: [
      { flavour: 'nft', family, text: await save('nft') },
      { flavour: 'legacy', family, text: await save('legacy') },
    ],
  };
}
