import { describe, expect, it } from 'vitest';
import { explainDrop } from '../../../../src/inspect/probe/explain-drop.ts';
import { followPacket } from '../../../../src/inspect/probe/follow-packet.ts';
import { parseSkbEvents } from '../../../../src/kernel/trace/index.ts';

// As Linux 6.18 writes it.
const send = (time: string, device: string, skb: string, length: number, pid = 16472) =>
  `            bash-${pid}   [000] b.... ${time}: net_dev_start_xmit: dev=${device} queue_mapping=0 skbaddr=${skb} vlan_tagged=0 vlan_proto=0x0000 vlan_tci=0x0000 protocol=0x0800 ip_summed=3 len=${length} data_len=0 network_offset=14 transport_offset_valid=1 transport_offset=34 tx_flags=0 gso_size=0 gso_segs=1 gso_type=0x1`;
const receive = (time: string, device: string, skb: string, length: number, pid = 16472) =>
  `            bash-${pid}   [000] ..s1. ${time}: netif_receive_skb: dev=${device} skbaddr=${skb} len=${length}`;
const drop = (time: string, skb: string, reason: string, location = 'tcp_v4_rcv+0x91/0x13f0', pid = 16472) =>
  `            bash-${pid}   [000] ..s1. ${time}: kfree_skb: skbaddr=${skb} rx_sk=0000000000000000 protocol=2048 location=${location} reason: ${reason}`;

const wanted = { pid: 16472, since: 15304.75, until: 15306, lengths: [60, 52], devices: ['lan0', 'lo'] };
const follow = (...lines: string[]) => followPacket(parseSkbEvents(lines.join('\n')), wanted);
const names = (trail: ReturnType<typeof follow>['packet']) =>
  trail?.steps.map(({ kind, device }) => `${kind} ${device}`);

describe('events of a trace', () => {
  it('are read, whatever the process is called', () => {
    const odd = drop('15304.755442', 'aa', 'NO_SOCKET').replace('bash-', 'a b-12 [001] x-');
    expect(parseSkbEvents(`# tracer: nop\n#\n${odd}\n\nCPU:1 [LOST 3 EVENTS]\n`)).toEqual([
      {
        kind: 'drop',
        time: 15304.755442,
        pid: 16472,
        isOwn: false,
        skb: 'aa',
        protocol: 2048,
        reason: 'NO_SOCKET',
        location: 'tcp_v4_rcv',
      },
    ]);
  });
});

describe('the packet of a probe', () => {
  it('is followed over links to its end', () => {
    const { packet, answer } = follow(
      send('15304.755386', 'lan0', 'aa', 74),
      receive('15304.755392', 'hx0', 'aa', 60),
      drop('15304.755442', 'aa', 'NO_SOCKET'),
    );
    expect(packet).toEqual({
      steps: [
        { kind: 'send', device: 'lan0', microseconds: 0 },
        { kind: 'receive', device: 'hx0', microseconds: 6 },
      ],
      drop: { reason: 'NO_SOCKET', location: 'tcp_v4_rcv' },
      isCertain: true,
    });
    expect(answer).toBeUndefined();
  });

  it('is told from its answer, which is followed as well', () => {
    const trails = follow(
      send('15304.763289', 'lan0', 'aa', 74),
      receive('15304.763292', 'hx0', 'aa', 60),
      send('15304.763315', 'vweb', 'aa', 74),
      receive('15304.763321', 'eth0', 'aa', 60),
      send('15304.763335', 'eth0', 'bb', 74),
      receive('15304.763336', 'vweb', 'bb', 60),
      drop('15304.763340', 'bb', 'NETFILTER_DROP', 'nft_do_chain+0x1/0x2'),
    );
    expect(names(trails.packet)).toEqual(['send lan0', 'receive hx0', 'send vweb', 'receive eth0']);
    expect(trails.packet?.drop).toBeUndefined();
    expect(names(trails.answer)).toEqual(['send eth0', 'receive vweb']);
    expect(trails.answer?.drop?.reason).toBe('NETFILTER_DROP');
  });

  it('is the copy that was meant, where a bridge sends several', () => {
    const { packet } = follow(
      send('15304.700000', 'lan0', 'zz', 74),
      send('15304.763289', 'lo', 'aa', 74),
      send('15304.763300', 'vcli', 'bb', 74),
      receive('15304.763305', 'eth0', 'bb', 60),
      send('15304.763310', 'vweb', 'aa', 74),
      receive('15304.763315', 'eth0', 'aa', 60),
      drop('15304.763320', 'aa', 'OTHERHOST'),
      drop('15304.763325', 'bb', 'NO_SOCKET'),
    );
    expect(names(packet)).toEqual(['send lo', 'send vcli', 'receive eth0']);
    expect(packet?.drop?.reason).toBe('NO_SOCKET');
  });

  it('ends where its memory is given to another packet', () => {
    const { packet } = follow(
      send('15304.763289', 'lan0', 'aa', 74),
      receive('15304.763292', 'hx0', 'aa', 60),
      send('15304.764000', 'eth0', 'aa', 66),
      drop('15304.764001', 'aa', 'NO_SOCKET'),
    );
    expect(names(packet)).toEqual(['send lan0', 'receive hx0']);
    expect(packet?.drop).toBeUndefined();
  });

  it('is not certain when it left while somebody else ran, and not known when several did', () => {
    const one = [send('15304.763289', 'lan0', 'aa', 74, 9), receive('15304.7633', 'hx0', 'aa', 60, 9)];
    expect(follow(...one).packet).toMatchObject({ steps: { length: 2 }, isCertain: false });
    expect(follow(...one, send('15304.8', 'lan0', 'bb', 74, 8))).toEqual({});
    expect(follow(send('15304.763289', 'other0', 'aa', 74, 9))).toEqual({});
  });

  it('may be dropped before it comes to a link, whatever others send', () => {
    const interrupting = drop('15304.8', 'aa', 'NETFILTER_DROP', 'nft_do_chain+0x1/0x2');
    const own = interrupting.replace('..s1.', 'b....');
    const other = drop('15304.8', 'aa', 'NETFILTER_DROP', 'nft_do_chain+0x1/0x2', 1);
    const foreign = send('15304.763289', 'lan0', 'bb', 74, 9);
    expect(follow(own, foreign).packet).toEqual({
      steps: [],
      drop: { reason: 'NETFILTER_DROP', location: 'nft_do_chain' },
      isCertain: true,
    });
    expect(follow(other)).toEqual({});
    expect(follow(interrupting)).toEqual({});
  });

  it('is looked for while the probe ran only', () => {
    expect(follow(send('15304.700000', 'lan0', 'aa', 74), send('15307.0', 'lan0', 'aa', 74))).toEqual({});
  });
});

describe('a drop in words', () => {
  it('names the engine of the firewall by the place', () => {
    expect(explainDrop({ reason: 'NETFILTER_DROP', location: 'nft_do_chain' })).toContain('nftables');
    expect(explainDrop({ reason: 'NETFILTER_DROP', location: 'nf_hook_slow' })).toContain('legacy');
    expect(explainDrop({ reason: 'SOMETHING_NEW', location: 'x' })).toBeUndefined();
  });
});
