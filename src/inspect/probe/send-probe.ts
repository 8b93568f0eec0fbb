import { createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { native } from '../../kernel/native.ts';
import { familyOf, ipToBytes, TsnetError, type Ip } from '../../model/index.ts';

/** What a connection attempt is made to. */
export interface ProbeTarget {
  readonly protocol: 'tcp' | 'udp';
  readonly ip: Ip;
  readonly port: number;
}

/** What a client would have met. */
export type ProbeOutcome =
  /** TCP: the connection stood and nobody ended it at once. UDP: an answer came. */
  | 'ok'
  /** Somebody said that nobody listens. */
  | 'refused'
  /** TCP: the connection stood, and was cut at once. */
  | 'reset'
  /** TCP: the connection stood, and was ended at once without a byte, as proxies do that can't reach their target. */
  | 'closed'
  /** Nothing came back in time. For UDP a server that does not answer looks the same. */
  | 'timeout'
  /** There is no way there, as this or another host says. */
  | 'unreachable'
  /** This host does not let it out. */
  | 'denied';

/** How an attempt went. */
export interface Attempt {
  readonly outcome: ProbeOutcome;
  /** The symbolic error that the client met. */
  readonly errno?: string;
  readonly milliseconds: number;
}

/** A socket that is about to be used: the port is known before anything is sent. */
export interface ProbeSocket {
  readonly descriptor: number;
  readonly port: number;
}

/** @throws not-found for the namespace, denied, exhausted when no port is free */
export function openProbeSocket({ protocol, ip }: ProbeTarget, netns: string | undefined): ProbeSocket {
  for (let attempt = 0; attempt < portAttempts; attempt++) {
    const port = firstPort + Math.floor(Math.random() * portCount);
    try {
      const descriptor = native().openDescriptor({
        domain: familyOf(ip) === 4 ? domains.ip4 : domains.ip6,
        type: types[protocol],
        protocol: 0,
        address: anyAddress(ip, port),
        ...(netns === undefined ? {} : { netns }),
      });
      return { descriptor, port };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      if (code === 'EADDRINUSE') continue;
      if (code === undefined) throw error;
      throw new TsnetError(code === 'ENOENT' ? 'not-found' : 'denied', `open a socket for a probe: ${code}`, {
        cause: error,
        errno: code,
      });
    }
  }
  throw new TsnetError('exhausted', 'open a socket for a probe: no port is free');
}

/** Makes one attempt with a socket, which is closed then. */
export function sendProbe(
  socket: ProbeSocket,
  target: ProbeTarget,
  payload: Buffer,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Attempt> {
  return target.protocol === 'tcp'
    ? connect(socket, target, timeoutMs, signal)
    : sendDatagram(socket, target, payload, timeoutMs, signal);
}

/** AF_INET, AF_INET6, SOCK_STREAM, SOCK_DGRAM. Source: `linux/socket.h`. */
const domains = { ip4: 2, ip6: 10 } as const;
const types = { tcp: 1, udp: 2 } as const;
/** As `net.ipv4.ip_local_port_range` has it. */
const firstPort = 32_768;
const portCount = 28_232;
const portAttempts = 50;
/** How long a connection has to stand before it counts. */
const standMs = 250;

/** struct sockaddr_in or sockaddr_in6 of any own address. */
function anyAddress(ip: Ip, port: number): Buffer {
  const address = Buffer.alloc(ipToBytes(ip).length === 4 ? 16 : 28);
  address.writeUInt16LE(address.length === 16 ? domains.ip4 : domains.ip6, 0);
  address.writeUInt16BE(port, 2);
  return address;
}

function connect(
  { descriptor }: ProbeSocket,
  { ip, port }: ProbeTarget,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Attempt> {
  return settle(timeoutMs, signal, (done) => {
    // As `net.Server` does it: else it would read before it is connected, which is an error.
    const options = { fd: descriptor, readable: true, writable: true, pauseOnCreate: true };
    const client = new Socket(options);
    let stands = false;
    client.on('connect', () => {
      stands = true;
      const connectedAt = performance.now();
      setTimeout(() => done('ok', undefined, connectedAt), standMs).unref();
    });
    client.on('data', () => done('ok'));
    client.on('end', () => done('closed'));
    client.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'unknown';
      done(stands ? 'reset' : outcomeOf(code), code);
    });
    client.connect({ host: ip, port }).resume();
    return () => client.destroy();
  });
}

function sendDatagram(
  { descriptor }: ProbeSocket,
  { ip, port }: ProbeTarget,
  payload: Buffer,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Attempt> {
  return settle(timeoutMs, signal, (done) => {
    const client = createSocket(familyOf(ip) === 4 ? 'udp4' : 'udp6');
    const fail = (error: NodeJS.ErrnoException | null): void => {
      if (error !== null) done(outcomeOf(error.code ?? 'unknown'), error.code);
    };
    client.on('error', fail);
    client.on('message', () => done('ok'));
    client.on('listening', () => {
      // Connected, so that ICMP errors are told.
      client.connect(port, ip, () => client.send(payload, fail));
    });
    client.bind({ fd: descriptor });
    return () => client.close();
  });
}

function outcomeOf(code: string): ProbeOutcome {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'ECONNRESET':
      return 'reset';
    case 'EPERM':
    case 'EACCES':
      return 'denied';
    case 'ETIMEDOUT':
      return 'timeout';
    default:
      return 'unreachable';
  }
}

/** Runs an attempt until it is done, or time is over. */
async function settle(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  start: (done: (outcome: ProbeOutcome, errno?: string, at?: number) => void) => () => void,
): Promise<Attempt> {
  const began = performance.now();
  return await new Promise((resolve) => {
    let isDone = false;
    let end: (() => void) | undefined;
    const done = (outcome: ProbeOutcome, errno?: string, at = performance.now()): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      end?.();
      resolve({ outcome, milliseconds: at - began, ...(errno === undefined ? {} : { errno }) });
    };
    const onAbort = (): void => done('timeout');
    const timer = setTimeout(() => done('timeout'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    end = start(done);
    if (isDone) end();
  });
}
