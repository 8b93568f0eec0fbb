import { familyOf, isUnspecified } from '../../model/index.ts';
import type { NetnsView, SocketView } from '../../observe/host/snapshot.ts';
import type { Evidence, Finding } from '../finding.ts';
import { engineCommand } from './engine-commands.ts';
import { bad, fact, found, good, unknown } from './hop.ts';
import { isLoopback, listenersOn, takes } from './lookup.ts';
import { formatIp } from './question.ts';
import type { Hop, Symptom } from './report.ts';
import { nameOf, type Target } from './target.ts';
import type { Inspection } from '../inspection.ts';

/** Where Docker's resolver listens in every container of a network with names. */
const resolverAddress = '127.0.0.11';

/** The socket that takes the packet, or why none does. */
export function listenerHop(inspection: Inspection, target: Target): Hop {
  const { netns, container, ip, port, protocol } = target;
  const name = nameOf(target);
  if (netns === undefined) return unknown('listens', `what listens at ${ip} could not be seen`);
  if (container?.state === 'paused') return bad('listens', pausedFinding(target), hangOf(target));
  const all = listenersOn(netns, protocol, port);
  const [taking] = all.filter((socket) => takes(socket, ip));
  if (taking !== undefined) {
    return good(
      'listens',
      `${formatSocket(taking)} in ${name}, ${taking.waiting} waiting`,
      evidenceOf(netns, taking),
    );
  }
  const gap = inspection.snapshot.gaps.find(
    ({ what }) => what.startsWith(netns.id) && what.includes('socket'),
  );
  if (gap !== undefined && netns.sockets.length === 0)
    return unknown('listens', `what listens in ${name} could not be read: ${gap.why}`);
  return bad('listens', absentFinding(target, netns, all), protocol === 'tcp' ? 'refused' : 'unreachable');
}

/** Such as `[::]:80 httpd (pid 30217)`. */
export function formatSocket({ ip, port, process }: SocketView): string {
  const who = process === undefined ? '' : ` ${process.command} (pid ${process.pid})`;
  return `${formatIp(ip)}:${port}${who}`;
}

/** A socket as evidence. */
export function evidenceOf(netns: NetnsView, socket: SocketView): Evidence {
  return fact('sock_diag', `${netns.id} ${socket.protocol} ${socket.port}`, formatSocket(socket));
}

/** Sockets that take what comes from elsewhere: not on loopback, not the resolver's. */
export function openSockets(netns: NetnsView, protocol: string): SocketView[] {
  return netns.sockets.filter((socket) => socket.protocol === protocol && !isLoopback(socket.ip));
}

function pausedFinding({ container, engine, netns, port, protocol }: Target): Finding {
  const name = container?.name ?? '';
  const [socket] = netns === undefined ? [] : listenersOn(netns, protocol, port);
  return found('container.paused', {
    subject: `container ${name}`,
    message: `${name} is paused: the kernel takes connections and nobody answers`,
    evidence: [
      fact(engine?.kind ?? 'docker', `container ${name}`, 'State.Paused'),
      ...(socket === undefined || netns === undefined
        ? []
        : [fact('sock_diag', `${netns.id} ${protocol} ${port}`, `${socket.waiting} waiting`)]),
    ],
    fix: engineCommand(engine, 'unpause', name),
  });
}

function hangOf({ protocol }: Target): Symptom {
  return protocol === 'tcp' ? 'hangs' : 'timeout';
}

function absentFinding(target: Target, netns: NetnsView, onPort: readonly SocketView[]): Finding {
  const { ip, port, protocol } = target;
  const name = nameOf(target);
  const subject = target.container === undefined ? `address ${ip}` : `container ${name}`;
  const [other] = onPort;
  const evidence = onPort.map((socket) => evidenceOf(netns, socket));
  if (other !== undefined && onPort.every((socket) => isLoopback(socket.ip))) {
    return found('listener.loopback-only', {
      subject,
      message: `${name} listens on ${formatSocket(other)}: only processes inside ${name} can connect`,
      evidence,
      hint: `let it listen on ${familyOf(ip) === 4 ? '0.0.0.0' : '[::]'}:${port}; no option of the engine helps`,
    });
  }
  if (other !== undefined) return otherAddressFinding(target, other, evidence);
  const swapped = protocol === 'tcp' ? 'udp' : 'tcp';
  const [crossed] = listenersOn(netns, swapped, port).filter((socket) => takes(socket, ip));
  if (crossed !== undefined) {
    return found('port.other-protocol', {
      subject: `port ${port}/${protocol}`,
      message: `${name} uses ${port}/${swapped}, but ${port}/${protocol} was asked for or published`,
      evidence: [
        evidenceOf(netns, crossed),
        fact('sock_diag', `${netns.id} ${protocol} ${port}`, 'no socket'),
      ],
      hint: `publish it with /${swapped} behind the ports, as in -p ${port}:${port}/${swapped}`,
    });
  }
  const others = openSockets(netns, protocol);
  const [candidate] = others.toSorted((one, another) => one.port - another.port);
  if (candidate !== undefined) {
    return found('listener.other-port', {
      subject,
      message: `nothing listens on ${port}/${protocol} in ${name}; it listens on ${others.map(formatSocket).join(', ')}`,
      evidence: others.map((socket) => evidenceOf(netns, socket)),
      hint: `did you mean container port ${candidate.port}, as in -p HOSTPORT:${candidate.port}? Make ${name} again with it`,
    });
  }
  return nothingFinding(target, netns);
}

function otherAddressFinding(target: Target, other: SocketView, evidence: readonly Evidence[]): Finding {
  const { ip, port } = target;
  const name = nameOf(target);
  const subject = target.container === undefined ? `address ${ip}` : `container ${name}`;
  if (other.ip === '::' || (isUnspecified(other.ip) && familyOf(ip) === 6)) {
    const [held, asked] = other.ip === '::' ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
    return found('listener.other-family', {
      subject,
      message: `${name} listens on ${formatSocket(other)} for ${held} only: ${asked} connections are refused`,
      evidence,
      hint: `let it listen on ${asked === 'IPv4' ? '0.0.0.0' : '[::]'}:${port} as well`,
    });
  }
  return found('listener.other-address', {
    subject,
    message: `${name} listens on ${formatSocket(other)} and not on ${ip}, where the packet goes`,
    evidence,
    hint: `let it listen on ${familyOf(ip) === 4 ? '0.0.0.0' : '[::]'}:${port}`,
  });
}

function nothingFinding(target: Target, netns: NetnsView): Finding {
  const { container, engine, port, protocol, ip } = target;
  const name = nameOf(target);
  const inside = netns.sockets.filter((socket) => socket.ip !== resolverAddress);
  const logs = container === undefined ? [] : engineCommand(engine, 'logs', name);
  const health = container?.health === undefined ? '' : `, health ${container.health}`;
  return found('listener.none', {
    subject: container === undefined ? `address ${ip}` : `container ${name}`,
    message: `nothing listens on ${port}/${protocol} in ${name}`,
    evidence: [
      fact(
        'sock_diag',
        `${netns.id} ${protocol}`,
        inside.length === 0 ? 'no socket at all' : inside.map(formatSocket).join(', '),
      ),
      ...(container?.startedAt === undefined
        ? []
        : [
            fact(
              engine?.kind ?? 'docker',
              `container ${name}`,
              `${container.state} since ${container.startedAt}${health}`,
            ),
          ]),
    ],
    hint: ['the server crashed, or has not started yet', ...logs].join(': '),
  });
}
