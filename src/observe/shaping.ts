import type { Link, Qdisc, Rtnetlink } from '../kernel/netlink/index.ts';
import type { LinkShaping, Owner, RateLimit } from '../model/index.ts';

/**
 * How links are shaped, of those that shall be and exist. One without any limit is absent, and so is a direction that is
 * not limited or, going through an ifb, does not get there.
 *
 * @param links by name, with the ifbs
 * @param ownerOf whose a link is
 */
export async function observeShaping(
  rtnetlink: Rtnetlink,
  wanted: readonly LinkShaping[],
  links: ReadonlyMap<string, Link>,
  ownerOf: (link: Link) => Owner,
): Promise<LinkShaping[]> {
  const pairs = wanted.flatMap((resource) => {
    const link = links.get(resource.link);
    return link === undefined ? [] : [{ resource, link, ifb: links.get(resource.ifb) }];
  });
  if (pairs.length === 0) return [];
  const roots = await rtnetlink.readRootQdiscs(
    pairs.flatMap(({ link, ifb }) => [link.index, ...(ifb === undefined ? [] : [ifb.index])]),
  );
  const found: LinkShaping[] = [];
  for (const { resource, link, ifb } of pairs) {
    const target = await rtnetlink.readRedirect(link.index);
    const ingress = limitOf(roots.get(link.index));
    const egress = target !== undefined && target === ifb?.index ? limitOf(roots.get(target)) : undefined;
    if (ingress === undefined && target === undefined) continue;
    found.push({
      kind: 'shaping',
      link: resource.link,
      ifb: resource.ifb,
      ...(ingress === undefined ? {} : { ingress }),
      ...(egress === undefined ? {} : { egress }),
      ...(target !== undefined && egress === undefined ? { dropsEgress: true } : {}),
      owner: ownerOf(link),
    });
  }
  return found;
}

function limitOf(qdisc: Qdisc | undefined): Required<RateLimit> | undefined {
  const bucket = qdisc?.tokenBucket;
  return bucket === undefined ? undefined : { rate: 8 * bucket.rate, burst: 8 * bucket.burst };
}
