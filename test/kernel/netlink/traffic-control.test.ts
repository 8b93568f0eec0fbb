import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limitFor, Rtnetlink, type Link, type TokenBucket } from '../../../src/kernel/netlink/index.ts';
import { parseIfName } from '../../../src/model/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { measureTcpRate } from '../../support/tcp-rate.ts';

const hostLink = parseIfName('tsv1');
const ifb = parseIfName('tsi1');

let host: Netns;
let box: Netns;
let rtnetlink: Rtnetlink;
let link: Link;

beforeAll(async () => {
  host = await createNetns('shaping');
  box = await createNetns('box');
  rtnetlink = Rtnetlink.open(host.path);
  link = await rtnetlink.createVeth({
    name: hostLink,
    up: true,
    peer: { name: parseIfName('eth0'), netns: box.path },
  });
  await host.exec('ip', 'address', 'add', '10.9.0.1/24', 'dev', 'tsv1');
  await box.exec('ip', 'address', 'add', '10.9.0.2/24', 'dev', 'eth0');
  await box.exec('ip', 'link', 'set', 'eth0', 'up');
});

afterAll(async () => {
  rtnetlink[Symbol.dispose]();
  await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const megabit = 1e6 / 8;
const bucketOf = (rate: number, burst: number): TokenBucket => ({
  rate,
  burst,
  limit: limitFor(rate, burst, 0.025),
});
const bucket = bucketOf(20 * megabit, 32_768);

interface TcQdisc {
  readonly kind: string;
  readonly dev: string;
  readonly parent?: string;
  readonly root?: boolean;
  readonly options: { readonly rate?: number; readonly burst?: number; readonly lat?: number };
}

/** What tc(8) sees, without the links that have no queue. */
async function witness(): Promise<TcQdisc[]> {
  const { stdout } = await host.exec('tc', '-j', '-r', 'qdisc', 'show');
  return (JSON.parse(stdout) as TcQdisc[]).filter(({ kind }) => kind !== 'noqueue');
}

async function filters(where: 'ingress' | 'egress' = 'ingress'): Promise<string> {
  return (await host.exec('tc', 'filter', 'show', 'dev', 'tsv1', where)).stdout;
}

describe('token bucket', () => {
  it('is seen alike by tc(8)', async () => {
    await rtnetlink.setTokenBucket(hostLink, bucket);
    expect(await witness()).toMatchObject([{ kind: 'tbf', dev: 'tsv1', root: true }]);
    const { stdout } = await host.exec('tc', 'qdisc', 'show', 'dev', 'tsv1');
    expect(stdout).toMatch(/tbf .* rate 20Mbit burst 32(Kb|768b) lat 25ms/);
    const root = (await rtnetlink.readRootQdiscs([link.index])).get(link.index);
    expect(root).toMatchObject({ kind: 'tbf', parent: 'root', tokenBucket: { rate: bucket.rate } });
    expect(root?.tokenBucket?.burst).toBeCloseTo(bucket.burst, -1);
    expect(root?.tokenBucket?.limit).toBe(bucket.limit);
  });

  it('is what tc(8) makes of the same numbers', async () => {
    await host.exec(
      ...(['tc', 'qdisc', 'replace', 'dev', 'tsv1', 'root'] as const),
      ...(['tbf', 'rate', '7mbit', 'burst', '20000', 'latency', '25ms'] as const),
    );
    const theirs = (await rtnetlink.readRootQdiscs([link.index])).get(link.index)?.tokenBucket;
    const rate = 7 * megabit;
    const limit = limitFor(rate, 20_000, 0.025);
    expect(theirs?.rate).toBe(rate);
    expect(Math.abs((theirs?.burst ?? 0) - 20_000)).toBeLessThan(20);
    expect(Math.abs((theirs?.limit ?? 0) - limit)).toBeLessThan(20);
  });

  it('is replaced in one step, also beyond 32 bits of rate', async () => {
    await rtnetlink.setTokenBucket(hostLink, bucket);
    const fast = bucketOf(100_000 * megabit, 1e9);
    await rtnetlink.setTokenBucket(hostLink, fast);
    const found = await rtnetlink.listQdiscs();
    expect(found.map(({ tokenBucket }) => tokenBucket?.rate)).toEqual([fast.rate]);
    expect((await host.exec('tc', 'qdisc', 'show', 'dev', 'tsv1')).stdout).toContain('rate 100Gbit');
  });

  it('goes, and goes twice, while a qdisc of others stays', async () => {
    expect(await rtnetlink.deleteTokenBucket(hostLink)).toBe(true);
    expect(await rtnetlink.deleteTokenBucket(hostLink)).toBe(false);
    expect(await witness()).toEqual([]);
    await host.exec('tc', 'qdisc', 'add', 'dev', 'tsv1', 'root', 'pfifo');
    expect(await rtnetlink.deleteTokenBucket(hostLink)).toBe(false);
    expect(await witness()).toMatchObject([{ kind: 'pfifo' }]);
    await host.exec('tc', 'qdisc', 'del', 'dev', 'tsv1', 'root');
  });

  it('for a link that is not there is an error', async () => {
    const absent = parseIfName('absent');
    await expect(rtnetlink.setTokenBucket(absent, bucket)).rejects.toMatchObject({ kind: 'not-found' });
    expect(await rtnetlink.readRootQdiscs([link.index, 9_999])).toHaveLength(1);
  });
});

describe('redirection', () => {
  it('leads to an ifb, is replaced by the next, and tc(8) sees it', async () => {
    const block = await rtnetlink.createIfb({ name: ifb, alias: 'tsnet:endpoint:e', up: true });
    expect(block).toMatchObject({ kind: 'ifb', isUp: true, alias: 'tsnet:endpoint:e' });
    expect(await rtnetlink.readRedirect(link.index)).toBeUndefined();
    await rtnetlink.setRedirect(hostLink, ifb);
    await rtnetlink.setRedirect(hostLink, ifb);
    expect(await rtnetlink.readRedirect(link.index)).toBe(block.index);
    const text = await filters();
    expect(text.match(/mirred/g)).toHaveLength(1);
    expect(text).toContain('(Egress Redirect to device tsi1) stolen');
    expect(text).toContain('match 00000000/00000000 at 0');
  });

  it('leads nowhere when its ifb is gone', async () => {
    await rtnetlink.deleteLink(ifb);
    expect(await rtnetlink.readRedirect(link.index)).toBe(0);
    const block = await rtnetlink.createIfb({ name: ifb, up: true });
    await rtnetlink.setRedirect(hostLink, ifb);
    expect(await rtnetlink.readRedirect(link.index)).toBe(block.index);
  });

  it('goes with the hooks, but leaves what others hang there', async () => {
    await host.exec(
      ...(['tc', 'filter', 'add', 'dev', 'tsv1', 'egress', 'protocol', 'all', 'prio', '5'] as const),
      ...(['u32', 'match', 'u32', '0', '0'] as const),
    );
    await rtnetlink.deleteRedirect(hostLink);
    expect(await filters()).toBe('');
    expect(await filters('egress')).toContain('pref 5 u32');
    await host.exec('tc', 'filter', 'del', 'dev', 'tsv1', 'egress');
    await rtnetlink.deleteRedirect(hostLink);
    expect((await witness()).filter(({ dev }) => dev === 'tsv1')).toEqual([]);
    await rtnetlink.deleteRedirect(hostLink);
  });

  it('works on hooks that others made in the old way', async () => {
    await host.exec('tc', 'qdisc', 'add', 'dev', 'tsv1', 'ingress');
    await rtnetlink.setRedirect(hostLink, ifb);
    expect(await rtnetlink.readRedirect(link.index)).toBeDefined();
    await rtnetlink.deleteRedirect(hostLink);
    expect((await witness()).filter(({ dev }) => dev === 'tsv1')).toMatchObject([{ kind: 'ingress' }]);
    await host.exec('tc', 'qdisc', 'del', 'dev', 'tsv1', 'ingress');
  });
});

describe('traffic', () => {
  const allowed = (rate: number): [number, number] => [0.85 * rate, 1.15 * rate];

  it('is limited in the direction that was said, and only there', async () => {
    await rtnetlink.setTokenBucket(hostLink, bucket);
    const [least, most] = allowed(20e6);
    const towards = await measureTcpRate(host, box, '10.9.0.2');
    expect(towards).toBeGreaterThan(least);
    expect(towards).toBeLessThan(most);
    expect(await measureTcpRate(box, host, '10.9.0.1', 300)).toBeGreaterThan(100e6);
    await rtnetlink.deleteTokenBucket(hostLink);
  });

  it('is not blocked by a large packet that waits while the burst gets smaller', async () => {
    await rtnetlink.setTokenBucket(hostLink, bucketOf(2 * megabit, 200_000));
    const measuring = measureTcpRate(host, box, '10.9.0.2', 600);
    await sleep(700);
    await rtnetlink.setTokenBucket(hostLink, bucketOf(100 * megabit, 20_000));
    expect(await measuring).toBeGreaterThan(1e6);
    await rtnetlink.deleteTokenBucket(hostLink);
  });

  it('is limited where it comes in, through the ifb', async () => {
    await rtnetlink.setTokenBucket(ifb, bucket);
    await rtnetlink.setRedirect(hostLink, ifb);
    const [least, most] = allowed(20e6);
    const away = await measureTcpRate(box, host, '10.9.0.1');
    expect(away).toBeGreaterThan(least);
    expect(away).toBeLessThan(most);
    expect(await measureTcpRate(host, box, '10.9.0.2', 300)).toBeGreaterThan(100e6);
    await rtnetlink.deleteRedirect(hostLink);
    expect(await measureTcpRate(box, host, '10.9.0.1', 300)).toBeGreaterThan(100e6);
  });
});
