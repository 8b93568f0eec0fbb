import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAtLeast, loadNetworkList, parseNetworkList } from '../../support/libcni-config.ts';
import { addressesOf, createCniHost, failureOf, listOf, type CniHost } from '../../support/libcni-host.ts';
import { mkdirSync, writeFileSync } from 'node:fs';

// The played libcni itself, with the reference plugins of Debian: what the other files here stand on.
let host: CniHost;
beforeEach(async () => {
  host = await createCniHost();
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const bridge = () => ({
  type: 'bridge',
  bridge: 'br0',
  isGateway: true,
  ipMasq: true,
  capabilities: { ips: true, mac: false },
  ipam: { type: 'host-local', dataDir: join(host.folder, 'ipam'), ranges: [[{ subnet: '10.77.0.0/24' }]] },
});
const portmap = { type: 'portmap', capabilities: { portMappings: true } };
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];

describe('an attachment through the reference plugins', () => {
  it('goes along the chain and back, with the result of one handed to the next', async () => {
    const list = listOf([bridge(), portmap, { type: 'firewall' }]);
    const conf = host.conf(0, {
      args: [['IgnoreUnknown', '1']],
      capabilityArgs: { portMappings, ips: ['10.77.0.9'], mac: '02:00:00:00:00:01' },
    });
    const result = await host.libcni.add(list, conf);
    expect(addressesOf(result)).toEqual(['10.77.0.9/24']);
    await host.libcni.del(list, conf);
    const { calls } = host.libcni;
    expect(calls.map(({ command, type }) => `${command} ${type}`)).toEqual([
      'ADD bridge',
      'ADD portmap',
      'ADD firewall',
      'DEL firewall',
      'DEL portmap',
      'DEL bridge',
    ]);
    // Only capabilities that a plugin declares as true, and the results: none, that of the one before, the last one.
    expect(calls.map(({ stdin }) => stdin['runtimeConfig'])).toEqual([
      { ips: ['10.77.0.9'] },
      { portMappings },
      undefined,
      undefined,
      { portMappings },
      { ips: ['10.77.0.9'] },
    ]);
    expect(calls[0]?.stdin['prevResult']).toBeUndefined();
    expect(calls[1]?.stdin['prevResult']).toEqual(JSON.parse(calls[0]?.stdout ?? ''));
    for (const call of calls.slice(3)) expect(call.stdin['prevResult']).toEqual(result);
    expect(await host.traces()).toEqual([]);
  });

  it('is remembered until its end, and CHECK sees what was changed', async () => {
    const list = listOf([bridge()]);
    await host.libcni.add(list, host.conf(0));
    const cache = join(host.folder, 'cache/results/net-container-0-eth0');
    expect(existsSync(cache)).toBe(true);
    await host.libcni.check(list, host.conf(0));
    await host.boxes[0].exec('ip', 'address', 'flush', 'dev', 'eth0');
    expect((await failureOf(host.libcni.check(list, host.conf(0)))).message).toMatch(/Failed to match addr/);
    await host.libcni.del(list, host.conf(0));
    expect(existsSync(cache)).toBe(false);
  });

  it('stays where a plugin behind it fails to delete, and is collected later', async () => {
    host.plugin(
      'stuck',
      'cat >/dev/null; [ "$CNI_COMMAND" = ADD ] && echo "{}" || { echo \'{"code":7,"msg":"stuck"}\'; exit 1; }',
    );
    const list = listOf([bridge(), { type: 'stuck' }]);
    await host.libcni.add(list, host.conf(0));
    const failure = await failureOf(host.libcni.del(list, host.conf(0)));
    expect({ code: failure.code, message: failure.message }).toEqual({ code: 7, message: 'stuck' });
    expect(host.libcni.calls.at(-1)?.type).toBe('stuck');
    await host.boxes[0].exec('ip', 'link', 'show', 'eth0');
    host.plugin('stuck', 'cat >/dev/null');
    await host.libcni.gc(list, [{ containerID: 'container-0', ifname: 'eth0' }]);
    await host.boxes[0].exec('ip', 'link', 'show', 'eth0');
    await host.libcni.gc(list, []);
    await expect(host.boxes[0].exec('ip', 'link', 'show', 'eth0')).rejects.toThrow();
  });
});

describe('lists', () => {
  it('are read in the order of their files, with plugins of their own folder where they say so', () => {
    const folder = join(host.folder, 'net.d');
    mkdirSync(join(folder, 'one'), { recursive: true });
    const write = (path: string, content: object) =>
      writeFileSync(join(folder, path), JSON.stringify(content));
    write('20-other.conflist', { cniVersion: '1.0.0', name: 'one', plugins: [{ type: 'late' }] });
    write('10-one.conflist', {
      cniVersion: '1.0.0',
      name: 'one',
      loadOnlyInlinedPlugins: false,
      plugins: [{ type: 'first' }],
    });
    write('one/20-b.conf', { type: 'third' });
    write('one/10-a.conf', { type: 'second' });
    expect(loadNetworkList(folder, 'one').plugins.map(({ type }) => type)).toEqual([
      'first',
      'second',
      'third',
    ]);
    expect(() => loadNetworkList(folder, 'two')).toThrow(/no net configuration with name "two"/);
  });

  it('say which version is spoken: the highest that both know, or the only one an older runtime reads', () => {
    const text = JSON.stringify({
      cniVersion: '1.0.0',
      cniVersions: ['0.4.0', '1.1.0', '9.0.0'],
      name: 'net',
      plugins: [{ type: 'x' }],
    });
    expect(parseNetworkList(text).cniVersion).toBe('1.1.0');
    expect(parseNetworkList(text, undefined, ['0.4.0', '1.0.0']).cniVersion).toBe('1.0.0');
    expect(isAtLeast('0.10.0', '0.4.0')).toBe(true);
    expect(isAtLeast('0.3.1', '0.4.0')).toBe(false);
  });
});
