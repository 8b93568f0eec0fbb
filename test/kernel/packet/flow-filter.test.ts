import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  flowFilter,
  PacketTap,
  type CapturedPacket,
  type FlowEnd,
} from '../../../src/kernel/packet/index.ts';
import { parseIp, type Protocol } from '../../../src/model/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

let netns: Netns;
beforeAll(async () => {
  netns = await createNetns('packet');
  for (const ip of ['10.1.0.1/24', '10.1.0.2/24', 'fd01::1/64', 'fd01::2/64']) {
    await netns.exec('ip', 'addr', 'add', ip, 'dev', 'lo', ...(ip.includes(':') ? ['nodad'] : []));
  }
});
afterAll(async () => await netns[Symbol.asyncDispose]());

/** What a tap on loopback passes of datagrams that are sent; nobody listens, so each gets an ICMP error. */
async function passed(
  protocol: Protocol,
  ends: readonly FlowEnd[],
  sent: readonly (readonly [ip: string, port: number])[],
  bytes = 65_535,
): Promise<{ texts: string[]; packets: CapturedPacket[]; tap: ReturnType<PacketTap['counts']> }> {
  const packets: CapturedPacket[] = [];
  using tap = PacketTap.open({
    netns: netns.path,
    linkIndex: 1,
    linkName: 'lo',
    filter: flowFilter(protocol, ends, bytes),
    onlyIncoming: true,
    onPackets: (batch) => packets.push(...batch),
    onError: (error) => expect.fail(error.message),
  });
  const commands = sent.map(([ip, port]) => `printf '${ip}|${port}' >/dev/udp/${ip}/${port} || true`);
  await netns.exec('bash', '-c', `${commands.join('; ')}; sleep 0.1`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const texts = packets.map(({ data }) => /[0-9a-f.:]+\|\d+$/.exec(data.toString('latin1'))?.[0] ?? 'other');
  return { texts, packets, tap: tap.counts() };
}

describe('a filter of flows', () => {
  it('passes datagrams to a port of an address, and the ICMP errors about them', async () => {
    const { texts, packets } = await passed(
      'udp',
      [{ ips: [parseIp('10.1.0.1')], port: 53 }],
      [
        ['10.1.0.1', 53],
        ['10.1.0.1', 54],
        ['10.1.0.2', 53],
        ['fd01::1', 53],
      ],
    );
    expect(texts).toEqual(['10.1.0.1|53', '10.1.0.1|53']);
    // Protocol of the IP header: the datagram, then the error that quotes it.
    expect(packets.map(({ data }) => data[14 + 9])).toEqual([17, 1]);
  });

  it('passes both versions when no address is asked for', async () => {
    const { packets } = await passed(
      'udp',
      [{ ips: [], port: 53 }],
      [
        ['10.1.0.2', 53],
        ['fd01::2', 53],
        ['fd01::2', 54],
      ],
    );
    expect(packets.map(({ data }) => data.readUInt16BE(12))).toEqual([0x0800, 0x0800, 0x86dd, 0x86dd]);
  });

  it('compares all bytes of IPv6 addresses', async () => {
    const { texts } = await passed(
      'udp',
      [{ ips: [parseIp('fd01::2')], port: 53 }],
      [
        ['fd01::1', 53],
        ['fd01::2', 53],
        ['10.1.0.2', 53],
      ],
    );
    expect(texts).toEqual(['fd01::2|53', 'fd01::2|53']);
  });

  it('passes any of several ends, and more addresses than a short jump reaches', async () => {
    const many = Array.from({ length: 40 }, (_, index) => parseIp(`fd02::${(index + 1).toString(16)}`));
    const { texts } = await passed(
      'udp',
      [
        { ips: [...many, parseIp('fd01::2')], port: 53 },
        { ips: [parseIp('10.1.0.2')], port: 54 },
      ],
      [
        ['fd01::2', 53],
        ['10.1.0.2', 54],
        ['10.1.0.2', 53],
      ],
    );
    expect(texts).toEqual(['fd01::2|53', 'fd01::2|53', '10.1.0.2|54', '10.1.0.2|54']);
  });

  it('keeps protocols apart, and as many bytes as wanted', async () => {
    expect((await passed('tcp', [{ ips: [], port: 53 }], [['10.1.0.1', 53]])).packets).toEqual([]);
    const { packets } = await passed('udp', [{ ips: [], port: 53 }], [['10.1.0.1', 53]], 30);
    expect(packets[0]).toMatchObject({ data: { length: 30 }, length: 14 + 20 + 8 + '10.1.0.1|53'.length });
  });

  it('counts what passed', async () => {
    const { tap } = await passed(
      'udp',
      [{ ips: [], port: 53 }],
      [
        ['10.1.0.1', 53],
        ['10.1.0.1', 54],
      ],
    );
    expect(tap).toEqual({ received: 2, dropped: 0 });
  });
});

describe('a tap', () => {
  it('tells times by the clock of the machine', async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const { packets } = await passed('udp', [{ ips: [], port: 53 }], [['10.1.0.1', 53]]);
    const [first, second] = packets;
    expect(first?.time).toBeGreaterThanOrEqual(before - 1_000_000n);
    expect(second?.time).toBeGreaterThan(first?.time ?? 0n);
    expect(second?.time).toBeLessThan(BigInt(Date.now() + 1) * 1_000_000n);
  });

  it('is refused for a link that is not there', () => {
    const open = (linkIndex: number, path = netns.path) =>
      PacketTap.open({
        netns: path,
        linkIndex,
        linkName: 'gone',
        filter: flowFilter('tcp', [], 100),
        onPackets: () => {},
        onError: () => {},
      });
    expect(() => open(4_711)).toThrow(expect.objectContaining({ kind: 'not-found', errno: 'ENODEV' }));
    expect(() => open(1, '/run/netns/nowhere')).toThrow(expect.objectContaining({ kind: 'not-found' }));
  });
});
