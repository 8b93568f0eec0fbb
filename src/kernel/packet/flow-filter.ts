import { familyOf, ipToBytes, protocolNumbers, type Ip, type Protocol } from '../../model/index.ts';
import { BpfProgram, type Label, type Place } from './bpf-program.ts';

/** One end of flows. */
export interface FlowEnd {
  /** Any of these; empty means every address. */
  readonly ips: readonly Ip[];
  readonly port: number;
}

/** Where the addresses and ports of a packet lie, from the network header on. */
interface Places {
  readonly source: Place;
  readonly destination: Place;
  readonly sourcePort: Place;
  readonly destinationPort: Place;
}

/**
 * A filter that passes the packets of flows with any of these ends, on either side, and the ICMP errors that are about
 * them. Of a packet in fragments only the first is passed, as the others carry no ports; behind IPv6 extension headers
 * nothing is found.
 *
 * @param bytes how much of a packet is wanted, from its link layer header on
 * @returns a program for `PacketTap`
 */
export function flowFilter(protocol: Protocol, ends: readonly FlowEnd[], bytes: number): Buffer {
  const program = new BpfProgram();
  const ip4: Label = {};
  const ip6: Label = {};
  program.loadProtocol().ifEqual(etherTypes.ip4, ip4).ifEqual(etherTypes.ip6, ip6).give(0);
  program.here(ip4);
  writeIp4(program, protocol, ends, bytes);
  program.here(ip6);
  writeIp6(program, protocol, ends, bytes);
  return program.encode();
}

/** Source: `linux/if_ether.h`. */
const etherTypes = { ip4: 0x0800, ip6: 0x86dd } as const;
/** Source: RFC 791, RFC 8200. */
const fragmentOffset = 0x1fff;
const icmp = 1;
const icmp6 = 58;
/** Errors that carry the beginning of the packet they are about. Source: RFC 792, RFC 4443. */
const icmpErrors = [3, 11, 12];
const icmp6Errors = [1, 2, 3, 4];

function writeIp4(program: BpfProgram, protocol: Protocol, ends: readonly FlowEnd[], bytes: number): void {
  const flow: Label = {};
  const error: Label = {};
  const about: Label = {};
  program.load(1, { offset: 9 }).ifEqual(protocolNumbers[protocol], flow).ifEqual(icmp, error).give(0);
  program.here(flow).load(2, { offset: 6 });
  const whole: Label = {};
  const fragment: Label = {};
  program
    .ifAnyBit(fragmentOffset, fragment)
    .jump(whole)
    .here(fragment)
    .give(0)
    .here(whole)
    .loadHeaderLength();
  writeEnds(program, 4, ends, bytes, {
    source: { offset: 12 },
    destination: { offset: 16 },
    sourcePort: { offset: 0, behindX: true },
    destinationPort: { offset: 2, behindX: true },
  });
  program.here(error).loadHeaderLength().load(1, { offset: 0, behindX: true });
  for (const type of icmpErrors) program.ifEqual(type, about);
  program.give(0).here(about);
  // The packet inside begins 8 bytes behind the header of ICMP; it is taken to have no options.
  const wanted: Label = {};
  program
    .load(1, { offset: 8 + 9, behindX: true })
    .ifEqual(protocolNumbers[protocol], wanted)
    .give(0)
    .here(wanted);
  writeEnds(program, 4, ends, bytes, {
    source: { offset: 8 + 12, behindX: true },
    destination: { offset: 8 + 16, behindX: true },
    sourcePort: { offset: 8 + 20, behindX: true },
    destinationPort: { offset: 8 + 22, behindX: true },
  });
}

function writeIp6(program: BpfProgram, protocol: Protocol, ends: readonly FlowEnd[], bytes: number): void {
  const flow: Label = {};
  const error: Label = {};
  const about: Label = {};
  program.load(1, { offset: 6 }).ifEqual(protocolNumbers[protocol], flow).ifEqual(icmp6, error).give(0);
  program.here(flow);
  writeEnds(program, 6, ends, bytes, ip6Places(0));
  program.here(error).load(1, { offset: 40 });
  for (const type of icmp6Errors) program.ifEqual(type, about);
  program.give(0).here(about);
  const wanted: Label = {};
  program
    .load(1, { offset: 48 + 6 })
    .ifEqual(protocolNumbers[protocol], wanted)
    .give(0)
    .here(wanted);
  writeEnds(program, 6, ends, bytes, ip6Places(48));
}

function ip6Places(start: number): Places {
  return {
    source: { offset: start + 8 },
    destination: { offset: start + 24 },
    sourcePort: { offset: start + 40 },
    destinationPort: { offset: start + 42 },
  };
}

/** Passes what has one of the ends as source or destination, and rejects the rest. */
function writeEnds(
  program: BpfProgram,
  family: 4 | 6,
  ends: readonly FlowEnd[],
  bytes: number,
  { source, destination, sourcePort, destinationPort }: Places,
): void {
  for (const { ips, port } of ends) {
    const wanted = ips.filter((ip) => familyOf(ip) === family);
    if (ips.length > 0 && wanted.length === 0) continue;
    for (const [portPlace, ipPlace] of [
      [sourcePort, source],
      [destinationPort, destination],
    ] as const) {
      const next: Label = {};
      const found: Label = {};
      program.load(2, portPlace).unlessEqual(port, next);
      if (wanted.length > 0) {
        for (const ip of wanted) writeAddress(program, ipPlace, ip, found);
        program.jump(next);
      }
      program.here(found).give(bytes).here(next);
    }
  }
  program.give(0);
}

function writeAddress(program: BpfProgram, place: Place, ip: Ip, found: Label): void {
  const bytes = Buffer.from(ipToBytes(ip));
  const other: Label = {};
  for (let at = 0; at < bytes.length; at += 4) {
    program.load(4, { ...place, offset: place.offset + at }).unlessEqual(bytes.readUInt32BE(at), other);
  }
  program.jump(found).here(other);
}
