import { familyOf, type Ip, type IpFamily } from '../../model/index.ts';
import {
  speaksDocker,
  type AttachmentView,
  type ContainerView,
  type EngineView,
  type PublishedView,
} from '../engines/container-view.ts';
import type { Finding } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { engineCommand } from './engine-commands.ts';
import { fact, found } from './hop.ts';
import { internalFinding } from './design-findings.ts';
import { formatSocket } from './listener.ts';
import {
  allContainers,
  hostOf,
  ipsOf,
  isLoopback,
  listenersOn,
  netnsOf,
  networkById,
  takes,
  type Owned,
} from './lookup.ts';
import type { PortQuestion } from './question.ts';
import type { Scene } from './scene.ts';
import { targetAt, targetIn, type Target } from './target.ts';

/** A container that says the port is its. */
export interface Claim {
  readonly owner: Owned;
  /** Absent where the port is the container's own and no port of the host leads to it. */
  readonly binding?: PublishedView;
}

/** Which container the question is about, if any: a running one first. */
export function findClaim(inspection: Inspection, question: PortQuestion, wanted?: Owned): Claim | undefined {
  const { port, protocol, address } = question;
  const owners = wanted === undefined ? allContainers(inspection) : [wanted];
  const claims = owners.flatMap((owner): Claim[] => {
    const { requestedPorts, publishedPorts } = owner.container;
    // What is published names the host port that was chosen; a driver of another kind tells the engine nothing.
    const bindings = [...publishedPorts, ...requestedPorts].filter(
      (each) =>
        each.protocol === protocol && (wanted === undefined ? each.hostPort : each.containerPort) === port,
    );
    const [first] = bindings;
    const fitting =
      bindings.find(({ hostIp }) => address === undefined || coversAddress(hostIp, address)) ?? first;
    return fitting === undefined ? [] : [{ owner, binding: fitting }];
  });
  const alive = claims.find(({ owner }) => isAlive(owner.container)) ?? claims[0];
  return alive ?? (wanted === undefined ? undefined : { owner: wanted });
}

/** Whether a port that is published on `hostIp` answers at an address of the host. */
export function coversAddress(hostIp: Ip | undefined, address: Ip): boolean {
  if (hostIp === undefined || hostIp === address) return true;
  if (hostIp === '0.0.0.0') return familyOf(address) === 4;
  return hostIp === '::' && familyOf(address) === 6;
}

export function isAlive({ state }: ContainerView): boolean {
  return state === 'running' || state === 'paused';
}

/** The place in the container that a claim means, in one family; it is published in one of its networks that lead out. */
export function targetOfClaim(
  inspection: Inspection,
  { owner, binding }: Claim,
  question: PortQuestion,
  family: IpFamily,
): Target | undefined {
  const isInternal = ({ networkId }: AttachmentView): boolean =>
    networkById(inspection, networkId)?.isInternal === true;
  const ips = owner.container.attachments
    .toSorted((one, other) => Number(isInternal(one)) - Number(isInternal(other)))
    .flatMap(({ addresses }) => addresses);
  const ip = ips.find((each) => familyOf(each) === family);
  const port = binding?.containerPort ?? question.port;
  const { protocol } = question;
  if (ip !== undefined) return targetIn(inspection, owner, { ip, port, protocol });
  // One that uses another's network has no address of its own.
  const netns = netnsOf(inspection, owner.container);
  if (ips.length > 0 || netns === undefined || netns === hostOf(inspection)) return undefined;
  const borrowed = ipsOf(netns, undefined, family).find((each) => !isLoopback(each));
  return borrowed === undefined ? undefined : targetAt(inspection, borrowed, port, protocol);
}

/** What is wrong with a claim before any packet is looked at. */
export function claimFinding(
  { inspection }: Scene,
  claim: Claim,
  question: PortQuestion,
): Finding | undefined {
  const { container, engine } = claim.owner;
  if (!isAlive(container)) return notRunningFinding(inspection, claim, question);
  if (claim.binding === undefined) return undefined;
  const asked = `-p ${claim.binding.hostPort ?? ''}:${claim.binding.containerPort}`;
  const subject = `container ${container.name}`;
  if (container.networkMode === 'host') {
    const netns = netnsOf(inspection, container);
    const own = (netns?.sockets ?? []).filter(({ process }) => process?.pid === container.pid);
    return found('port.host-network', {
      subject,
      message: `${container.name} uses the host's network: ${asked} has no effect. It listens on ${own.map(formatSocket).join(', ') || 'no port'} of the host itself`,
      evidence: [fact(engine.kind, subject, 'HostConfig.NetworkMode=host')],
      hint: `ask the port it listens on, or take ${container.name} out of host mode`,
    });
  }
  const networks = container.attachments.flatMap(({ networkId }) => networkById(inspection, networkId) ?? []);
  const target = targetOfClaim(inspection, claim, question, 4);
  if (networks.length > 0 && networks.every(({ isInternal }) => isInternal) && target !== undefined) {
    const [network] = networks;
    if (network === undefined) return undefined;
    return internalFinding({ target }, network, [
      fact(engine.kind, `network ${network.name}`, 'Internal=true'),
      fact(
        engine.kind,
        subject,
        `${asked} was asked for, ${fieldOf(engine, 'NetworkSettings.Ports is empty', 'nothing is published')}`,
      ),
    ]);
  }
  return undefined;
}

function notRunningFinding(inspection: Inspection, { owner }: Claim, question: PortQuestion): Finding {
  const { container, engine } = owner;
  const { port, protocol } = question;
  const start = engineCommand(engine, 'start', container.name);
  const [logs] = engineCommand(engine, 'logs', container.name);
  const subject = `container ${container.name}`;
  const [taker] = listenersOn(hostOf(inspection), protocol, port);
  const reason = container.error ?? '';
  if (taker !== undefined && (container.state === 'created' || /in use|allocated/.test(reason))) {
    return found('port.taken', {
      subject: `port ${port}/${protocol}`,
      message: `${container.name} could not start: ${formatSocket(taker)} has port ${port}/${protocol} of the host`,
      evidence: [
        fact('sock_diag', `host ${protocol} ${port}`, formatSocket(taker)),
        fact(engine.kind, subject, reason === '' ? `state ${container.state}` : reason),
      ],
      hint: `end ${taker.process?.command ?? 'the program'} ${start.map((command) => `and run: ${command}; `).join('')}or publish another host port`,
    });
  }
  const why = container.wasKilledForMemory === true ? ' (out of memory)' : '';
  const code = container.exitCode === undefined ? '' : ` with code ${container.exitCode}${why}`;
  const since = container.finishedAt === undefined ? '' : ` at ${container.finishedAt.slice(0, 19)}Z`;
  const isRestarting = container.state === 'restarting';
  return found('container.not-running', {
    subject,
    message: isRestarting
      ? `${container.name} ends and is started again and again${code}: its port is not there meanwhile`
      : `${container.name} ${container.exitCode === undefined || container.state === 'created' ? `is ${container.state}` : `ended${code}${since}`}: its port is not published while it does not run`,
    evidence: [
      fact(
        engine.kind,
        subject,
        `${fieldOf(engine, 'State.Status=', 'state ')}${container.state}${reason === '' ? '' : `, ${reason}`}`,
      ),
    ],
    fix: isRestarting ? [] : start,
    ...(logs === undefined ? {} : { hint: `${logs} says why it ended` }),
  });
}

/** Why no container claims a port that was asked for. */
export function unclaimedFinding({ inspection, host }: Scene, question: PortQuestion): Finding {
  const { port, protocol } = question;
  const running = allContainers(inspection).filter(({ container }) => isAlive(container));
  const crossed = running.find(({ container }) =>
    [...container.requestedPorts, ...container.publishedPorts].some(
      (each) => each.hostPort === port && each.protocol !== protocol,
    ),
  );
  if (crossed !== undefined) return otherProtocolFinding(inspection, crossed, question);
  const elsewhere = running.find(({ container }) => hostPortsOf(container, question).length > 0);
  if (elsewhere !== undefined) return otherHostPortFinding(elsewhere, question);
  const inside = running.filter(({ container }) => offers(inspection, container, question));
  const [candidate] = inside;
  if (candidate !== undefined) return notPublishedFinding(inspection, candidate, question);
  const others = listenersOn(host, protocol, port);
  const silent = inspection.snapshot.gaps.find(({ what }) => /^(?:engine|records) /.test(what));
  return found('port.nobody', {
    isCertain: silent === undefined,
    subject: `port ${port}/${protocol}`,
    message:
      others.length === 0
        ? `no container publishes ${port}/${protocol}, and nothing listens on it`
        : `no container publishes ${port}/${protocol}; ${others.map(formatSocket).join(', ')} does not take what goes to this address`,
    evidence: [
      fact('sock_diag', `${host.id} ${protocol} ${port}`, others.map(formatSocket).join(', ') || 'no socket'),
    ],
    hint: silent === undefined ? 'tsnet ps -a lists what is published' : `${silent.what}: ${silent.why}`,
  });
}

/** The port is the container's own, and no port of the host leads to it. */
export function notPublishedFinding(
  inspection: Inspection,
  { container, engine }: Owned,
  { port, protocol }: PortQuestion,
): Finding {
  const netns = netnsOf(inspection, container);
  const ip = container.attachments.flatMap(({ addresses }) => addresses)[0];
  // Where a driver of another make publishes it nobody is told, and our records can't be read by everybody.
  const isAsked = container.requestedPorts.some(
    (each) => each.containerPort === port && each.protocol === protocol,
  );
  const isExposed = container.exposedPorts.includes(`${port}/${protocol}`);
  const listens = netns === undefined ? [] : listenersOn(netns, protocol, port);
  return found('port.not-published', {
    isCertain: !isAsked,
    subject: `container ${container.name}`,
    message: isAsked
      ? `${container.name} asked for ${port}/${protocol} to be published, but nobody tells of a port of the host that leads to it`
      : `${container.name} ${listens.length > 0 ? `listens on ${port}/${protocol}` : `has ${port}/${protocol}`}${isExposed ? ' and exposes it' : ''}, but no port of the host leads to it: EXPOSE does not publish`,
    evidence: [
      fact(
        engine.kind,
        `container ${container.name}`,
        isAsked
          ? `${port}/${protocol} was asked for, ${fieldOf(engine, 'NetworkSettings.Ports has', 'but it publishes')} no such port`
          : `${fieldOf(engine, 'PortBindings has', 'publishes')} no ${port}/${protocol}`,
      ),
      ...listens.map((socket) =>
        fact('sock_diag', `${container.name} ${protocol} ${port}`, formatSocket(socket)),
      ),
    ],
    hint: `make it again with -p ${port}:${port}${protocol === 'tcp' ? '' : `/${protocol}`}${ip === undefined ? '' : `; from this host ask ${ip}:${port}`}`,
  });
}

/** The ports of the host that lead to a port of the container. */
function hostPortsOf({ publishedPorts }: ContainerView, { port, protocol }: PortQuestion): number[] {
  const found = publishedPorts.filter((each) => each.containerPort === port && each.protocol === protocol);
  return [...new Set(found.flatMap(({ hostPort }) => hostPort ?? []))];
}

/** The port is the container's own, and the host has another number for it: one that was asked for, or chosen. */
function otherHostPortFinding({ container, engine }: Owned, question: PortQuestion): Finding {
  const { port, protocol } = question;
  const hostPorts = hostPortsOf(container, question);
  const numbers = hostPorts.join(' and ');
  const suffix = protocol === 'tcp' ? '' : `/${protocol}`;
  return found('port.other-host-port', {
    subject: `port ${port}/${protocol}`,
    message: `${port}/${protocol} of ${container.name} is published on ${numbers} of the host, not on ${port}`,
    evidence: [
      fact(engine.kind, `container ${container.name}`, `publishes ${numbers} → ${port}/${protocol}`),
    ],
    hint: `ask port ${hostPorts[0]}${suffix}, or make ${container.name} again with -p ${port}:${port}${suffix}`,
  });
}

function otherProtocolFinding(
  inspection: Inspection,
  { container, engine }: Owned,
  { port, protocol }: PortQuestion,
): Finding {
  const binding = [...container.publishedPorts, ...container.requestedPorts].find(
    ({ hostPort }) => hostPort === port,
  );
  const netns = netnsOf(inspection, container);
  const inner = binding?.containerPort ?? port;
  const sockets = netns === undefined ? [] : listenersOn(netns, protocol, inner);
  const uses = sockets.length > 0 ? `${container.name} uses ${inner}/${protocol}, but` : `${container.name}:`;
  return found('port.other-protocol', {
    subject: `port ${port}/${protocol}`,
    message: `${uses} only ${inner}/${binding?.protocol ?? 'another protocol'} is published on ${port}`,
    evidence: [
      fact(
        engine.kind,
        `container ${container.name}`,
        `${fieldOf(engine, 'PortBindings', 'publishes')} ${inner}/${binding?.protocol ?? ''} → ${port}`,
      ),
      ...sockets.map((socket) =>
        fact('sock_diag', `${container.name} ${protocol} ${inner}`, formatSocket(socket)),
      ),
    ],
    hint: `make it again with -p ${port}:${inner}/${protocol} added`,
  });
}

function offers(inspection: Inspection, container: ContainerView, { port, protocol }: PortQuestion): boolean {
  if (container.networkMode === 'host') return false;
  if (container.exposedPorts.includes(`${port}/${protocol}`)) return true;
  const netns = netnsOf(inspection, container);
  const ips = container.attachments.flatMap(({ addresses }) => addresses);
  return (
    netns !== undefined &&
    listenersOn(netns, protocol, port).some((socket) => ips.some((ip) => takes(socket, ip)))
  );
}

/** What an engine's answer calls something, where it has Docker's words for it. */
function fieldOf({ kind }: EngineView, docker: string, plain: string): string {
  return speaksDocker(kind) ? docker : plain;
}
