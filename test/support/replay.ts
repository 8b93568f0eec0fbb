import { readFileSync } from 'node:fs';
import type { Answer, Host } from './host.ts';

/** One recorded call of an engine to a plugin, with what that plugin answered. */
interface Recorded {
  readonly call: string;
  readonly request: unknown;
  readonly response: unknown;
}

/** What became of one call: the recorded request as it was sent here, and our answer. */
export interface Replayed {
  readonly call: string;
  readonly sent: unknown;
  readonly answer: Answer;
}

/**
 * Sends the calls of a recording to a host, in order. What the recorded plugin had chosen (pools, addresses) is replaced
 * by what tsnet chose; networks and pools that existed before the recording began are made first.
 */
export async function replay(host: Host, path: string): Promise<Replayed[]> {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const calls = lines.map((line) => JSON.parse(line) as Recorded).filter(({ call }) => call !== 'cli');
  const replacements = new Map<string, string>([
    ['rec-local', 'local'],
    ['rec-global', 'global'],
  ]);
  const done: Replayed[] = [];
  for (const recorded of calls) {
    await makeWhatWasThere(host, recorded, replacements);
    const sent = recorded.request === null ? undefined : rewrite(recorded.request, replacements);
    const answer = await host.call(recorded.call, sent as object | undefined);
    learn(recorded, answer, replacements);
    done.push({ call: recorded.call, sent, answer });
  }
  return done;
}

async function makeWhatWasThere(host: Host, { call, request }: Recorded, replacements: Map<string, string>) {
  const fields = (request ?? {}) as {
    PoolID?: string;
    NetworkID?: string;
    Interface?: Record<string, string>;
  };
  const { PoolID: pool, NetworkID: network, Interface: wanted } = fields;
  if (pool !== undefined && call === 'IpamDriver.RequestAddress' && !replacements.has(pool)) {
    const [space = '', ...parts] = pool.split('/');
    const { body } = await host.call('IpamDriver.RequestPool', {
      AddressSpace: replacements.get(space) ?? space,
      Pool: parts.slice(0, 2).join('/'),
      SubPool: parts.slice(2, 4).join('/'),
      Options: null,
      V6: pool.includes(':'),
    });
    if ('PoolID' in body) replacements.set(pool, String(body['PoolID']));
  }
  if (network !== undefined && call === 'NetworkDriver.CreateEndpoint') {
    const id = padded(network);
    if (host.context.state.read((view) => view.networks().some((known) => known.id === id))) return;
    const data = (family: string) => {
      const address = wanted?.[family];
      return address === undefined || address === '' ? [] : [{ AddressSpace: 'local', Pool: address }];
    };
    await host.succeed('NetworkDriver.CreateNetwork', {
      NetworkID: id,
      Options: {},
      IPv4Data: data('Address'),
      IPv6Data: data('AddressIPv6'),
    });
  }
}

function learn({ call, response }: Recorded, { body }: Answer, replacements: Map<string, string>): void {
  const theirs = (response ?? {}) as Record<string, unknown>;
  for (const field of ['PoolID', 'Pool', 'Address']) {
    const [was, is] = [theirs[field], body[field]];
    if (
      typeof was !== 'string' ||
      was === '' ||
      typeof is !== 'string' ||
      !call.startsWith('IpamDriver.Request')
    )
      continue;
    replacements.set(was, is);
    if (field === 'Address') replacements.set(withoutPrefix(was), withoutPrefix(is));
  }
}

function withoutPrefix(address: string): string {
  return address.slice(0, address.indexOf('/'));
}

/** Recorded ids were cut to 12 digits; engines send 64. */
function padded(id: string): string {
  return id.padEnd(64, '0');
}

function rewrite(value: unknown, replacements: ReadonlyMap<string, string>, key = ''): unknown {
  if (typeof value === 'string') {
    if (key === 'NetworkID' || key === 'EndpointID') return padded(value);
    return replacements.get(value) ?? value;
  }
  if (Array.isArray(value)) return value.map((item) => rewrite(item, replacements));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, rewrite(item, replacements, name)]),
  );
}
