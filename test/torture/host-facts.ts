/**
 * Everything on a host that tsnet could have made or changed, as sorted lines, read by programs that are not tsnet but
 * for its records. Nothing here knows what tsnet means to make: two looks at a host in the same state give the same lines,
 * so whatever a look has more than an earlier one was left behind, and whatever it has less was lost.
 */
export async function readFacts(run: (script: string) => Promise<string>, tsnet: string): Promise<string[]> {
  const output = await run(script(tsnet));
  const sections = output.split(/^#### /m).slice(1);
  return sections
    .flatMap((section) => {
      const end = section.indexOf('\n');
      const title = section.slice(0, end);
      const text = section.slice(end + 1);
      const read = readers[title.split(' ')[0] ?? ''] ?? linesOf;
      return read(text).map((line) => `${title}: ${line}`);
    })
    .sort();
}

/** What a look has more, and what it has less, than an earlier one. */
export interface Difference {
  readonly left: readonly string[];
  readonly lost: readonly string[];
}

/** Compares two looks; the same line several times counts as often. */
export function compareFacts(before: readonly string[], after: readonly string[]): Difference {
  return { left: without(after, before), lost: without(before, after) };
}

/** Whether two looks were the same. */
export function isNothing({ left, lost }: Difference): boolean {
  return left.length === 0 && lost.length === 0;
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}

/** One program for the shell: a start of each tool for each look is dear enough. */
const script = (tsnet: string) => `
  section() { echo "#### $*"; }
  look() { # namespace
    section "link $1"; ip \${1:+-n "$1"} -j -d link
    section "address $1"; ip \${1:+-n "$1"} -j address
    section "route $1"; ip \${1:+-n "$1"} -j route show table all; ip \${1:+-n "$1"} -j -6 route show table all
    section "rule $1"; ip \${1:+-n "$1"} rule; ip \${1:+-n "$1"} -6 rule
    section "neighbour $1"; ip \${1:+-n "$1"} neighbour show nud permanent
  }
  look ''
  for name in $(ls /run/netns); do look "$name"; done
  section qdisc; tc -j qdisc show
  section filter
  for link in $(ls /sys/class/net); do tc filter show dev "$link"; tc filter show dev "$link" ingress; done
  section nft; nft -j --stateless list ruleset
  for flavour in nft legacy; do
    for family in iptables ip6tables; do section "$family-$flavour"; $family-$flavour-save 2>/dev/null; done
  done
  section sysctl
  cd /proc/sys/net && grep -rs '' ipv4/ip_forward ipv4/conf ipv6/conf bridge
  section record; ${tsnet} state dump
  section file
  find /run/tsnet /run/netns /var/lib/tsnet /run/docker /etc/cni /var/lib/cni -printf '%y %m %p\\n' 2>/dev/null
  section hosts
  for file in /run/tsnet/sandboxes/*/hosts; do [ ! -e "$file" ] || sed "s|^|$file |" "$file"; done
  section mount
  # Below /run lie those of the namespace that this one was copied from, which come and go.
  sed 's/^[0-9]* [0-9]* [0-9:]* //; s/ - .*//' /proc/self/mountinfo | grep -v ' /run/netns/'
  for path in /run/netns/*; do echo "$path $(stat -f -c %T "$path") $(grep -c " $path " /proc/self/mountinfo)"; done
  section process
  for folder in /proc/[0-9]*; do [ $folder = /proc/$$ ] || tr '\\0' ' ' <$folder/cmdline 2>/dev/null && echo; done; true`;

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const readers: Readonly<Record<string, (text: string) => string[]>> = {
  link: jsonLines,
  address: jsonLines,
  route: jsonLines,
  qdisc: (text) => jsonLines(text).filter((line) => !line.includes('"noqueue"')),
  nft: nftLines,
  record: recordLines,
  'iptables-nft': saveLines,
  'ip6tables-nft': saveLines,
  'iptables-legacy': saveLines,
  'ip6tables-legacy': saveLines,
  file: (text) =>
    linesOf(text)
      .map((line) => line.replaceAll(/state-[0-9a-z]+-[0-9a-z]+/g, 'state-…'))
      .filter((line) => !lastingLocks.test(line)),
  // Of our own look.
  process: (text) => linesOf(text).filter((line) => !/^(?:sh -c |env -i |\S*nsenter )/.test(line)),
};

/** Files that are made at their first use, and belong to no network or sandbox. */
const lastingLocks = /\/run\/tsnet\/locks\/(?:recovery|firewall|hosts|default-network)$/;

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

/** What differs from look to look without anybody's doing, or follows from something else that is looked at. */
const volatile =
  /^(?:ifindex|link_index|link_netnsid|operstate|flags|.*_timer|valid_life_time|preferred_life_time|root_id|designated_.*|bridge_id|gc_timer|handle|cache.*|cost|no)$/;

function jsonLines(text: string): string[] {
  // Several documents, one a line.
  return linesOf(text)
    .flatMap((line) => JSON.parse(line) as Json[])
    .map((item) => JSON.stringify(item, replace))
    .filter((line) => line !== '{}');
}

function replace(key: string, value: Json): Json | undefined {
  return volatile.test(key) ? undefined : value;
}

/** Elements of sets one by one: their order is the kernel's. */
function nftLines(text: string): string[] {
  const { nftables } = JSON.parse(text) as { readonly nftables: readonly Record<string, Json>[] };
  return nftables.flatMap((object) => {
    const [kind, value] = Object.entries(object)[0] ?? [];
    if (kind === 'metainfo' || value === undefined) return [];
    const { elem, ...rest } = value as Record<string, Json>;
    const place = ['family', 'table', 'name'].map((key) => JSON.stringify(rest[key])).join(' ');
    const elements = ((elem ?? []) as Json[]).map((one) => `${place} ${JSON.stringify(one, replace)}`);
    return [`${kind} ${JSON.stringify(rest, replace)}`, ...elements];
  });
}

function saveLines(text: string): string[] {
  return linesOf(text)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
}

/** Not what is only remembered to choose the next one, nor what tsnet says of its stores. */
function recordLines(text: string): string[] {
  const dump = JSON.parse(text) as Readonly<Record<string, Json>>;
  return Object.entries(dump)
    .filter(([key]) => !key.startsWith('meta/'))
    .map(([key, value]) => {
      const isPool = key.startsWith('pool/');
      const replacer = (name: string, item: Json) => (isPool && name === 'last' ? undefined : item);
      return `${key} ${JSON.stringify(value, replacer)}`;
    });
}
