import { describe, expect, it } from 'vitest';
import type { Endpoint, NamedSandbox, Network } from '../../../src/model/index.ts';
import { endpointIdOf } from '../../../src/run/endpoint-id.ts';
import { extendHostsFile, formatHostsFile, type HostsView } from '../../../src/run/hosts-file.ts';

const web = {
  id: 'f'.repeat(64),
  name: 'web',
  hostname: 'web',
  networks: [{ id: 'n1', ips: [], aliases: [] }],
  links: [],
  hosts: [],
} as unknown as NamedSandbox;
const mine = endpoint(endpointIdOf(web.id, 'n1' as Network['id']), ['10.1.0.2/24', 'fd00::2/64'], 'web', [
  'www',
]);

function endpoint(id: string, addresses: string[], name?: string, aliases?: string[]): Endpoint {
  const container = name === undefined ? {} : { container: { id, name } };
  return {
    id,
    addresses,
    ...container,
    ...(aliases === undefined ? {} : { aliases }),
  } as unknown as Endpoint;
}

function view(endpoints: Readonly<Record<string, Endpoint[]>>, name?: string): HostsView {
  return {
    network: (id) => ({ id, ...(name === undefined ? {} : { name }) }) as Network,
    endpoints: (id) => endpoints[id] ?? [],
  };
}

/** What follows the lines that every file begins with. */
function own(text: string): string[] {
  const lines = text.split('\n');
  expect(lines.slice(0, 2)).toEqual(['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback']);
  expect(lines.at(-1)).toBe('');
  return lines.slice(6, -1);
}

describe('a hosts file', () => {
  it('knows the sandbox itself and the others of its networks, in both families', () => {
    const db = endpoint('e2', ['10.1.0.3/24'], 'db', ['store']);
    expect(own(formatHostsFile(view({ n1: [db, mine] }, 'lab'), web))).toEqual([
      '10.1.0.2\tweb www web.lab www.lab',
      'fd00::2\tweb www web.lab www.lab',
      '10.1.0.3\tdb store db.lab store.lab',
    ]);
  });

  it('has what the user added, links for whom they are, and a host name with its domain', () => {
    const linked = {
      ...web,
      hostname: 'www.example.org',
      links: [{ name: 'db', alias: 'store' }],
      hosts: [{ name: 'printer', ip: '192.0.2.7' }],
    } as unknown as NamedSandbox;
    const db = endpoint('e2', ['10.1.0.3/24'], 'db');
    const other = endpoint('e3', ['10.1.0.4/24'], 'other');
    expect(own(formatHostsFile(view({ n1: [mine, db, other] }), linked))).toEqual([
      '192.0.2.7\tprinter',
      '10.1.0.2\twww.example.org www web',
      'fd00::2\twww.example.org www web',
      '10.1.0.3\tdb store',
      '10.1.0.4\tother',
    ]);
  });

  it('leaves out who has no name, and names that would break a line', () => {
    const nameless = endpoint('e2', ['10.1.0.3/24']);
    const hostile = endpoint('e3', ['10.1.0.4/24'], 'ok', ['a\n10.1.0.2 web', 'b#c', '']);
    expect(own(formatHostsFile(view({ n1: [nameless, hostile] }), web))).toEqual(['10.1.0.4\tok']);
    expect(own(formatHostsFile(view({}), { ...web, networks: [] }))).toEqual([]);
  });

  it('of the host is only added to', () => {
    const hosts = [{ name: 'a', ip: '192.0.2.1' }] as unknown as NamedSandbox['hosts'];
    expect(extendHostsFile('127.0.0.1 localhost', hosts)).toBe('127.0.0.1 localhost\n192.0.2.1\ta\n');
    expect(extendHostsFile('', hosts)).toBe('192.0.2.1\ta\n');
  });
});
