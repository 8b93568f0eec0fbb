import { limitFor, type Rtnetlink, type TokenBucket } from '../kernel/netlink/index.ts';
import type { LinkShaping, RateLimit } from '../model/index.ts';

/** How long a packet may wait at most; what would wait longer is dropped. Source: CNI plugin bandwidth, latencyInMillis. */
const latencySeconds = 0.025;

/**
 * Limits a link as said, and lifts what is not said. What goes to the container is limited where it leaves for the veth;
 * what comes from it goes through an ifb, because the kernel queues only what it sends.
 *
 * @throws not-found for a link, unsupported where the kernel lacks a part
 */
export async function shape(rtnetlink: Rtnetlink, shaping: LinkShaping): Promise<void> {
  const { link, ifb, ingress, egress } = shaping;
  if (ingress === undefined) await rtnetlink.deleteTokenBucket(link);
  else await rtnetlink.setTokenBucket(link, bucketOf(ingress));
  if (egress === undefined) return rtnetlink.deleteRedirect(link);
  await rtnetlink.setTokenBucket(ifb, bucketOf(egress));
  await rtnetlink.setRedirect(link, ifb);
}

/** Lifts the limits of a link. @throws not-found */
export async function unshape(rtnetlink: Rtnetlink, { link }: LinkShaping): Promise<void> {
  await rtnetlink.deleteRedirect(link);
  await rtnetlink.deleteTokenBucket(link);
}

/** In the kernel's words: bytes, of which a part counts as none. */
function bucketOf({ rate, burst }: Required<RateLimit>): TokenBucket {
  const [bytesPerSecond, bytes] = [Math.floor(rate / 8), Math.floor(burst / 8)];
  return { rate: bytesPerSecond, burst: bytes, limit: limitFor(bytesPerSecond, bytes, latencySeconds) };
}
