/** Where to look. */
interface Place {
  exec(command: string, ...args: string[]): Promise<{ readonly stdout: string }>;
}

/** The same without carriers: the kernel notices up to a second later that a bridge has none any more. */
export function withoutCarriers(facts: readonly string[]): string[] {
  return facts.map((line) => line.replaceAll(/ linkdown|NO-CARRIER,|,LOWER_UP|state \w+/g, ''));
}

/**
 * Everything that tsnet could have changed in a namespace, as sorted lines, seen by programs that are not tsnet.
 * Interface indexes are left out, since the kernel never gives one
 * twice, and so are the counters of chains.
 */
export async function hostFacts(netns: Place): Promise<string[]> {
  const read = async (...command: [string, ...string[]]) => (await netns.exec(...command)).stdout.split('\n');
  const links = (await read('ip', '-o', '-d', 'link')).map((line) => line.replace(/^\d+: /, ''));
  const addresses = (await read('ip', '-o', 'addr')).map((line) => line.replace(/^\d+: /, ''));
  const qdiscs = (await read('tc', 'qdisc', 'show')).filter((line) => !line.startsWith('qdisc noqueue'));
  return [
    ...qdiscs.map((line) => line.replace(/ [0-9a-f]+: dev/, ' dev')),
    ...links.map((line) => line.replaceAll(/(?:gc|hello|topology_change|tcn)_timer\s+[\d.]+/g, '')),
    ...addresses,
    ...(await read('ip', 'route', 'show', 'table', 'all')),
    ...(await read('ip', '-6', 'route', 'show', 'table', 'all')),
    ...(await read('ip', 'rule')),
    ...(await read('nft', '--stateless', 'list', 'ruleset')),
    ...(await read('iptables-save')).filter((line) => !line.startsWith('#')),
    ...(await read('ip6tables-save')).filter((line) => !line.startsWith('#')),
  ]
    .map((line) => line.replace(/ \[\d+:\d+\]$/, '').trimEnd())
    .filter((line) => line !== '')
    .sort();
}
