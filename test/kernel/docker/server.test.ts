import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '../../../src/frontends/docker/server.ts';
import { createHost, type Host } from '../../support/host.ts';

let host: Host;
let folder: string;
beforeAll(async () => {
  host = await createHost();
  folder = mkdtempSync(join(tmpdir(), 'tsnet-server-'));
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe('the socket', () => {
  it('can be opened by its owner only', () => {
    expect(statSync(host.socket).mode & 0o777).toBe(0o600);
  });

  it('replaces one that a dead process left, and goes when the server stops', async () => {
    const path = join(folder, 'stale.sock');
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(path, resolve));
    // A process that dies does not remove its socket; closing a server in Node does, so it is put back as dead ones are.
    const { renameSync } = await import('node:fs');
    renameSync(path, `${path}.kept`);
    await new Promise((resolve) => dead.close(resolve));
    renameSync(`${path}.kept`, path);
    expect(existsSync(path)).toBe(true);
    const server = await startServer(host.context, path);
    expect(await health(path)).toEqual({ status: 'ok' });
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('is refused while another process answers there', async () => {
    await expect(startServer(host.context, host.socket)).rejects.toThrow('another process has it');
    expect(await health(host.socket)).toEqual({ status: 'ok' });
  });

  it('never replaces a file that is no socket', async () => {
    const path = join(folder, 'precious');
    writeFileSync(path, 'data');
    await expect(startServer(host.context, path)).rejects.toThrow('where nothing or a socket is');
    expect(statSync(path).size).toBe(4);
  });
});

describe('requests', () => {
  it('of unknown calls are answered with 404 in both fields', async () => {
    const { status, body } = await host.call('NetworkDriver.Dance', {});
    expect(status).toBe(404);
    expect(body['Err']).toBe('no such call: POST /NetworkDriver.Dance');
    expect(body['Error']).toBe(body['Err']);
  });

  it.each([
    ['not JSON', '{"NetworkID":', 400, 'request: not JSON'],
    ['empty', undefined, 400, 'empty request (the connection was interrupted, try again)'],
    ['blank', ' \n', 400, 'empty request'],
    ['an array', '[]', 200, 'NetworkID: it is required and missing'],
    ['null', 'null', 200, 'request: null is not allowed'],
    ['a number for a name', '{"NetworkID":5,"EndpointID":"e"}', 200, 'NetworkID: 5 is not allowed'],
    [
      'a path for a name',
      '{"NetworkID":"../../etc","EndpointID":"e"}',
      200,
      'NetworkID: "../../etc" is not allowed',
    ],
    ['larger than any', `"${'x'.repeat(2 << 20)}"`, 400, 'request entity too large'],
  ])('that are %s are refused in both fields, and the next one works', async (_, text, expected, message) => {
    const { status, body } = await host.call('NetworkDriver.Leave', text);
    expect(status).toBe(expected);
    expect(body['Err']).toContain(message);
    expect(body['Error']).toBe(body['Err']);
    expect(await host.succeed('NetworkDriver.GetCapabilities')).toEqual({
      Scope: 'local',
      ConnectivityScope: 'local',
      GwAllocChecker: true,
    });
  });

  it('that break off half-way do no harm', async () => {
    for (let round = 0; round < 20; round += 1) {
      await new Promise<void>((resolve) => {
        const client = connect(host.socket, () => {
          client.write('POST /NetworkDriver.Leave HTTP/1.1\r\nHost: \r\nContent-Length: 100\r\n\r\n{"Net');
          client.destroy();
          resolve();
        });
      });
    }
    expect(await health(host.socket)).toEqual({ status: 'ok' });
  });

  it('with the empty Host header of an old engine are answered', async () => {
    const answer = await new Promise<string>((resolve) => {
      const client = connect(host.socket, () =>
        client.write('POST /Plugin.Activate HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\n\r\n'),
      );
      client.once('data', (data) => {
        resolve(data.toString());
        client.destroy();
      });
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(answer).toContain('{"Implements":["NetworkDriver","IpamDriver"]}');
  });
});

describe('endings of what is not known', () => {
  const ids = { NetworkID: 'a'.repeat(64), EndpointID: 'b'.repeat(64) };
  it.each([
    ['NetworkDriver.DeleteNetwork', ids],
    ['NetworkDriver.DeleteEndpoint', ids],
    ['NetworkDriver.Leave', ids],
    ['NetworkDriver.RevokeExternalConnectivity', ids],
    ['IpamDriver.ReleasePool', { PoolID: 'local/10.9.9.0/24' }],
    ['IpamDriver.ReleaseAddress', { PoolID: 'local/10.9.9.0/24', Address: '10.9.9.9' }],
  ])('%s succeeds', async (call, body) => {
    expect(await host.succeed(call, body)).toEqual({});
  });

  it('but a join or ports for it are an error that says what to do', async () => {
    const join = await host.call('NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/1' });
    expect(join.body['Err']).toContain('network aaaaaaaaaaaa is not known to tsnet');
    const address = await host.call('IpamDriver.RequestAddress', {
      PoolID: 'local/10.9.9.0/24',
      Address: '',
    });
    expect(address.body['Error']).toContain('address pool local/10.9.9.0/24 is not known to tsnet');
  });
});

describe('a pool', () => {
  const request = (Pool: string) => ({ AddressSpace: 'local', Pool, SubPool: '', Options: {}, V6: false });

  it('that is chosen is never given twice while it is held', async () => {
    const first = await host.succeed('IpamDriver.RequestPool', request(''));
    const second = await host.succeed('IpamDriver.RequestPool', request(''));
    expect(second['Pool']).not.toBe(first['Pool']);
    for (const { PoolID } of [first, second]) await host.succeed('IpamDriver.ReleasePool', { PoolID });
  });

  it('avoids the routes of the host', async () => {
    await host.netns.exec('ip', 'route', 'add', 'unreachable', '172.16.0.0/13');
    const { Pool, PoolID } = await host.succeed('IpamDriver.RequestPool', request(''));
    expect(Pool).toBe('172.24.0.0/16');
    await host.succeed('IpamDriver.ReleasePool', { PoolID });
    await host.netns.exec('ip', 'route', 'del', 'unreachable', '172.16.0.0/13');
  });

  it.each([
    ['10.0.0.0/33', 'Pool: "10.0.0.0/33" is not allowed, expected a prefix length from 0 to 32'],
    [
      '300.1.1.1/8',
      'Pool: "300.1.1.1/8" is not allowed, expected a range in CIDR form whose address is valid',
    ],
    ['10.0.0.0', 'expected a range in CIDR form'],
  ])('%s cannot be', async (pool, message) => {
    const { body } = await host.call('IpamDriver.RequestPool', request(pool));
    expect(body['Error']).toContain(message);
  });

  it('is written without host bits, and handed out again when its answer was lost', async () => {
    const first = await host.succeed('IpamDriver.RequestPool', request('10.20.0.7/24'));
    expect(first['Pool']).toBe('10.20.0.0/24');
    expect(await host.succeed('IpamDriver.RequestPool', request('10.20.0.0/24'))).toEqual(first);
    await host.succeed('IpamDriver.ReleasePool', { PoolID: first['PoolID'] });
  });
});

function health(socketPath: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/healthz' }, (response) => {
      response.setEncoding('utf8').once('data', (text: string) => resolve(JSON.parse(text)));
    })
      .once('error', reject)
      .end();
  });
}
