import { setTimeout as sleep } from 'node:timers/promises';
import { NftTrace, SkbTrace } from '../../kernel/trace/index.ts';
import { familyOf, printable, protocolNumbers, toTsnetError, TsnetError } from '../../model/index.ts';
import { Relations, type NetnsId, type NetnsView } from '../../observe/host/index.ts';
import { HostMap } from '../host-map.ts';
import type { Inspection } from '../inspection.ts';
import { doorsOf, throughDoor } from '../open-door.ts';
import { explainDrop } from './explain-drop.ts';
import { followPacket, type Trail } from './follow-packet.ts';
import { placeTrail, type PlacedStep } from './place-trail.ts';
import { rulesMet, type RuleMet } from './rules-met.ts';
import { openProbeSocket, sendProbe, type Attempt, type ProbeTarget } from './send-probe.ts';

/** Where an attempt is made: in the host's namespace, in a container's or in another. */
export type ProbeOrigin = 'host' | 'localhost' | { readonly container: string } | { readonly netns: NetnsId };

/** How to probe. */
export interface ProbeOptions {
  /** How long an answer may take, in milliseconds; default 1,500. */
  readonly timeoutMs?: number;
  /** Whether the kernel is asked what becomes of the packet; default true. */
  readonly traces?: boolean;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

/** What became of a packet, as the kernel told it. */
export interface PacketFate {
  readonly steps: readonly PlacedStep[];
  readonly drop?: {
    /** As the kernel names it, such as `NETFILTER_DROP`. */
    readonly reason: string;
    /** The function of the kernel. */
    readonly location: string;
    /** The last link that it came to, such as `host/hx0`; absent when it came to none. */
    readonly after?: string;
    /** In words; absent where the names have to speak for themselves. */
    readonly meaning?: string;
  };
  /** False when another packet of the same kind could have been taken for it. */
  readonly isCertain: boolean;
}

/** What an attempt showed. */
export interface ProbeResult extends Attempt {
  readonly target: ProbeTarget;
  /** `host`, or the container or namespace that it was made in. */
  readonly from: string;
  /** The port that it was made from. */
  readonly sourcePort: number;
  /** The packet of the attempt, and for TCP the answer to it, where the kernel told of them. */
  readonly packet?: PacketFate;
  readonly answer?: PacketFate;
  /** Rules of nftables and iptables-nft that the packets met in the host's namespace; absent where not traced. */
  readonly rules?: readonly RuleMet[];
  /** What was set up for it, all of which is gone again. */
  readonly setUp: readonly string[];
  /** What could not be looked at, and why. */
  readonly gaps: readonly string[];
}

const defaultTimeoutMs = 1_500;
/** The kernel delivers on the way, but tells of it a moment later. */
const deliveryMs = 20;

/**
 * Makes one real connection attempt, and follows its packet through the kernel. Nothing is executed in a container; the
 * attempt is made by a socket that is opened in its network namespace.
 *
 * A datagram carries a line of text that says what it is: a server gets to see it.
 *
 * @throws not-found for the container or namespace, denied without the capability to enter it
 */
export async function probe(
  inspection: Inspection,
  target: ProbeTarget,
  from: ProbeOrigin,
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  const { timeoutMs = defaultTimeoutMs, traces = true, signal } = options;
  const map = new HostMap(inspection);
  const start = netnsOf(map, from);
  const gaps: string[] = [];
  const socket = throughDoor(start.id, doorsOf(start), (path) => openProbeSocket(target, path));
  const payload = textPayload();
  const lengths = lengthsOf(target, payload);
  await using packets = await optional(traces, gaps, () =>
    SkbTrace.open({ family: familyOf(target.ip), lengths }),
  );
  using rules = await optional(traces, gaps, () => traceRules(map.host, target, socket.port));
  const since = monotonicSeconds();
  const attempt = await sendProbe(socket, target, payload, timeoutMs, signal);
  const until = monotonicSeconds() + deliveryMs / 1_000;
  await sleep(deliveryMs);
  const events = (await packets?.read()) ?? [];
  const devices = start.links.map(({ name }) => name);
  const trails = followPacket(events, { pid: process.pid, since, until, lengths, devices });
  const relations = new Relations(inspection.snapshot);
  const fateOf = (trail: Trail, origin: NetnsView): PacketFate =>
    describe(trail, placeTrail(map, relations, origin, trail));
  const packet = trails.packet && fateOf(trails.packet, start);
  const end = netnsOfStep(map, packet?.steps.at(-1));
  const answer = trails.answer && fateOf(trails.answer, end ?? start);
  if (rules?.lost !== undefined) gaps.push(rules.lost.message);
  if (packets !== undefined && packet === undefined) {
    gaps.push(
      'the packet was not seen on any link: it was never sent, or waits for a neighbour that does not answer',
    );
  }
  return {
    ...attempt,
    target,
    from: printable(map.titleOf(start)),
    sourcePort: socket.port,
    ...(packet === undefined ? {} : { packet }),
    ...(answer === undefined ? {} : { answer }),
    ...(rules === undefined ? {} : { rules: rulesMet(rules.events, map.host, socket.port) }),
    setUp: [
      `socket ${target.protocol} port ${socket.port} in ${printable(map.titleOf(start))}`,
      ...(packets === undefined ? [] : [`tracefs ${packets.instance}`]),
      ...(rules === undefined ? [] : [`nft table inet ${rules.table} in host`]),
    ],
    gaps,
  };
}

function netnsOf(map: HostMap, from: ProbeOrigin): NetnsView {
  if (from === 'host' || from === 'localhost') return map.host;
  if ('netns' in from) {
    const netns = map.netns(from.netns);
    if (netns === undefined)
      throw new TsnetError('not-found', `probe from ${from.netns}: there is no such namespace`);
    return netns;
  }
  const named = map.containers.filter(
    ({ id, name }) => name === from.container || id.startsWith(from.container),
  );
  const container = named.find(({ name }) => name === from.container) ?? named[0];
  const netns = container?.netns === undefined ? undefined : map.netns(container.netns);
  if (netns === undefined) {
    const why = container === undefined ? 'there is no such container' : 'it does not run';
    throw new TsnetError('not-found', `probe from container ${printable(from.container)}: ${why}`);
  }
  return netns;
}

/** Says what it is, and has a length that hardly any other datagram has. */
function textPayload(): Buffer {
  const length = 301 + 2 * Math.floor(Math.random() * 300);
  return Buffer.from('tsnet probe\n'.padStart(length, ' '));
}

/** Of the IP packet: for TCP those of a SYN with and without time stamps. Source: Linux `tcp_syn_options()`. */
function lengthsOf({ protocol, ip }: ProbeTarget, payload: Buffer): number[] {
  const header = familyOf(ip) === 4 ? 20 : 40;
  return protocol === 'udp' ? [header + 8 + payload.length] : [header + 40, header + 32];
}

/** Opens what is not needed, only useful. */
async function optional<Opened>(
  isWanted: boolean,
  gaps: string[],
  open: () => Promise<Opened>,
): Promise<Opened | undefined> {
  if (!isWanted) return undefined;
  try {
    return await open();
  } catch (error) {
    gaps.push(toTsnetError(error).message);
    return undefined;
  }
}

async function traceRules(host: NetnsView, { protocol }: ProbeTarget, port: number): Promise<NftTrace> {
  return await throughDoor(host.id, doorsOf(host), (path) =>
    NftTrace.open({ protocol: protocolNumbers[protocol], port }, path),
  );
}

/** CLOCK_MONOTONIC, as the trace has it. */
function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

function describe({ drop, isCertain }: Trail, steps: readonly PlacedStep[]): PacketFate {
  if (drop === undefined) return { steps, isCertain };
  const after = steps.at(-1)?.link;
  const meaning = explainDrop(drop);
  return {
    steps,
    drop: {
      ...drop,
      ...(after === undefined ? {} : { after }),
      ...(meaning === undefined ? {} : { meaning }),
    },
    isCertain,
  };
}

function netnsOfStep(map: HostMap, step: PlacedStep | undefined): NetnsView | undefined {
  const title = step?.link.slice(0, step.link.lastIndexOf('/'));
  return map.namespaces.find((netns) => printable(map.titleOf(netns)) === title);
}
