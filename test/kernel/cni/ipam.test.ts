import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { callCni, fail, succeed, type Call } from './plugin.ts';
import { hasReference, runReference } from './reference.ts';

let host: Host;
let box: Netns;
let folder: string;

beforeEach(async () => {
  host = await createHost();
  box = await createNetns('pod');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-cni-'));
});
afterEach(async () => {
  await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const base = { cniVersion: '1.0.0', name: 'deleg', type: 'tsnet', bridge: 'br0', isGateway: true };
const call = (verb: string, config: object, options: Partial<Call> = {}): Call => ({
  verb,
  config: config as Record<string, unknown>,
  container: 'c1',
  netns: box.path,
  ifName: 'eth0',
  ...options,
});

/** An address plugin that does what a script says; what it is asked is in the file `calls`. */
function installPlugin(name: string, script: string): void {
  writeFileSync(
    join(folder, name),
    `#!/bin/sh\necho "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME netns=$CNI_NETNS" >> ${folder}/calls\n${script}\n`,
    { mode: 0o755 },
  );
}
const calls = () => (readdirSync(folder).includes('calls') ? readFile('calls') : []);
const readFile = (name: string) =>
  host.netns.exec('cat', join(folder, name)).then(({ stdout }) => stdout.trim().split('\n'));
const store = () => {
  try {
    return readdirSync(join(folder, 'networks/deleg')).filter((name) => /^\d/.test(name));
  } catch {
    return [];
  }
};

describe.skipIf(!hasReference)('delegated to host-local', () => {
  const config = (more: object = {}) => ({
    ...base,
    ipam: {
      type: 'host-local',
      dataDir: join(folder, 'networks'),
      ranges: [[{ subnet: '10.5.0.0/24' }], [{ subnet: 'fd00:5::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    },
    ...more,
  });

  it('takes its addresses and routes, and gives them back, with every version', async () => {
    for (const cniVersion of ['0.2.0', '0.3.1', '0.4.0', '1.0.0']) {
      const versioned = config({ cniVersion });
      const result = await succeed(host.context, call('ADD', versioned));
      expect(result.cniVersion).toBe(cniVersion);
      expect(store()).toHaveLength(1);
      await box.exec('ping', '-n', '-c', '1', '-W', '2', '10.5.0.1');
      await box.exec('ping', '-n', '-c', '1', '-W', '2', 'fd00:5::1');
      expect((await box.exec('ip', 'route')).stdout).toContain('default via 10.5.0.1 dev eth0');
      if (cniVersion >= '0.4.0') {
        await succeed(host.context, call('CHECK', { ...versioned, prevResult: result }));
      }
      await succeed(host.context, call('DEL', versioned, { netns: '' }));
      await succeed(host.context, call('DEL', versioned, { netns: '' }));
      expect(store()).toEqual([]);
    }
  });

  it('gives them back when the attachment fails', async () => {
    expect((await fail(host.context, call('ADD', config(), { ifName: 'lo' }))).code).toBe(111);
    expect(store()).toEqual([]);
  });

  it('leaves those of the first attachment when a second one is refused', async () => {
    await succeed(host.context, call('ADD', config()));
    expect((await fail(host.context, call('ADD', config()))).code).toBe(111);
    expect(store()).toHaveLength(1);
  });

  it('passes on its errors with their codes', async () => {
    const error = await fail(
      host.context,
      call('ADD', config({ ipam: { type: 'host-local', subnet: '10.5.0.1/24', dataDir: folder } })),
    );
    expect(error.code).toBe(999);
    expect(error.msg).toMatch(/^host-local ADD: .*host bits/);
  });

  it('needs CNI_PATH, and says so', async () => {
    const error = await fail(host.context, call('ADD', config(), { path: '' }));
    expect(error.code).toBe(4);
    expect(error.msg).toContain('CNI_PATH');
  });
});

describe.skipIf(!hasReference)('delegated to static', () => {
  it('takes an address without gateway, which is the first of its subnet then', async () => {
    const config = {
      ...base,
      isDefaultGateway: true,
      ipam: { type: 'static', addresses: [{ address: '10.6.0.9/24' }] },
    };
    const result = await succeed(host.context, call('ADD', config));
    expect(result.ips).toEqual([{ address: '10.6.0.9/24', gateway: '10.6.0.1', interface: 2 }]);
    expect(result.routes).toEqual([{ dst: '0.0.0.0/0', gw: '10.6.0.1' }]);
    await box.exec('ping', '-n', '-c', '1', '-W', '2', '10.6.0.1');
    const error = await fail(host.context, call('ADD', config, { container: 'c2', ifName: 'eth1' }));
    expect(error.code).toBe(111);
    expect(error.msg).toContain('10.6.0.9');
  });
});

describe('delegated to a plugin', () => {
  const config = (type: string) => ({ ...base, ipam: { type } });
  const answer = `echo '{"cniVersion":"1.0.0","ips":[{"address":"10.8.0.2/24"}]}'`;

  it.each([
    ['that fails without a word', 'exit 3', 50, 'failed with status 3'],
    ['that fails on standard error', 'echo it is broken >&2; exit 1', 50, 'it is broken'],
    [
      'that fails as it should',
      `echo '{"code":100,"msg":"no","details":"really"}'; exit 1`,
      100,
      'odd ADD: no',
    ],
    ['that answers no JSON', 'echo no', 6, 'answer of odd'],
    ['that answers two documents', `${answer}; ${answer}`, 6, 'answer of odd'],
    ['that answers no address', `echo '{"ips":[{"address":"no"}]}'`, 7, 'answer of odd.ips.0.address: "no"'],
    ['that gives no address', `echo '{"cniVersion":"1.0.0"}'`, 50, 'odd ADD: it gave no address'],
    [
      'that answers an address twice',
      `echo '{"ips":[{"address":"10.8.0.2/24"},{"address":"10.8.0.2/24"}]}'`,
      111,
      'twice',
    ],
  ])('%s, it says so, and nothing is left', async (_, script, code, message) => {
    installPlugin('odd', script);
    const error = await fail(host.context, call('ADD', config('odd'), { path: folder }));
    expect(error.msg).toContain(message);
    expect(error.code).toBe(code);
    expect(host.context.state.read((view) => view.endpoints())).toEqual([]);
    expect((await box.exec('ip', '-o', 'link')).stdout).not.toContain('eth0');
  });

  it('takes an answer in the shape of 0.2.0', async () => {
    installPlugin('odd', `echo '{"cniVersion":"0.2.0","ip4":{"ip":"10.8.0.2/24","gateway":"10.8.0.1"}}'`);
    const { ips } = await succeed(host.context, call('ADD', config('odd'), { path: folder }));
    expect(ips).toEqual([expect.objectContaining({ address: '10.8.0.2/24', gateway: '10.8.0.1' })]);
  });

  it('asks it for every verb, and for a DEL after a failed ADD', async () => {
    installPlugin('odd', `[ $CNI_COMMAND = ADD ] && ${answer}; true`);
    const newest = { ...config('odd'), cniVersion: '1.1.0' };
    const result = await succeed(host.context, call('ADD', newest, { path: folder }));
    await succeed(host.context, call('CHECK', { ...newest, prevResult: result }, { path: folder }));
    await succeed(host.context, { verb: 'STATUS', config: newest, path: folder });
    await succeed(
      host.context,
      call('ADD', newest, { path: `/nowhere::${folder}`, container: 'c2', ifName: 'a' }),
    ).catch(() => undefined);
    await succeed(host.context, {
      verb: 'GC',
      config: { ...newest, 'cni.dev/valid-attachments': [] },
      path: folder,
    });
    await succeed(host.context, call('DEL', newest, { path: folder, netns: '' }));
    expect(await calls()).toEqual([
      `ADD c1 eth0 netns=${box.path}`,
      `CHECK c1 eth0 netns=${box.path}`,
      'STATUS   netns=',
      `ADD c2 a netns=${box.path}`,
      `DEL c2 a netns=${box.path}`,
      'DEL c1 eth0 netns=',
      'GC   netns=',
      'DEL c1 eth0 netns=',
    ]);
  });

  it('that is a folder or that is not there is named', async () => {
    expect((await fail(host.context, call('ADD', config('networks'), { path: '/run' }))).code).toBe(7);
    const error = await fail(host.context, call('DEL', config('gone'), { path: folder }));
    expect(error.msg).toContain('ipam.type: no plugin gone');
  });
});

describe('tsnet-ipam for others', () => {
  const config = {
    cniVersion: '1.1.0',
    name: 'others',
    type: 'macvlan',
    ipam: {
      type: 'tsnet-ipam',
      ranges: [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd00:9::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }],
      resolvConf: '/etc/hosts',
    },
  };
  const own = (verb: string, options: Partial<Call> & { more?: object } = {}) =>
    call(verb, { ...config, ...options.more }, { name: 'tsnet-ipam', ...options });
  const addressesOf = async (options: Partial<Call>) =>
    (await succeed(host.context, own('ADD', options))).ips.map(({ address }) => address);

  it('gives addresses to an attachment, once, and takes them back as often as asked', async () => {
    expect(await succeed(host.context, own('ADD'))).toEqual({
      cniVersion: '1.1.0',
      ips: [
        { address: '10.9.0.2/24', gateway: '10.9.0.1' },
        { address: 'fd00:9::2/64', gateway: 'fd00:9::1' },
      ],
      routes: [{ dst: '0.0.0.0/0' }],
    });
    await succeed(host.context, own('CHECK'));
    const error = await fail(host.context, own('ADD'));
    expect(error.code).toBe(111);
    expect(error.msg).toContain('10.9.0.2');
    expect(await addressesOf({ ifName: 'eth1' })).toEqual(['10.9.0.3/24', 'fd00:9::3/64']);
    for (const _ of [1, 2]) await succeed(host.context, own('DEL', { netns: '' }));
    expect((await fail(host.context, own('CHECK'))).code).toBe(3);
    expect(await addressesOf({ container: 'c2', args: 'IP=10.9.0.2' })).toEqual([
      '10.9.0.2/24',
      'fd00:9::4/64',
    ]);
  });

  it('collects garbage and knows when nothing is left', async () => {
    const small = { ...config, ipam: { type: 'tsnet-ipam', subnet: '10.9.1.0/29' } };
    for (const number of [2, 3, 4, 5, 6]) {
      expect(await addressesOf({ config: small, ifName: `eth${number}` })).toEqual([`10.9.1.${number}/29`]);
    }
    const status = { verb: 'STATUS', config: small, name: 'tsnet-ipam' as const };
    const error = await fail(host.context, status);
    expect(error.code).toBe(50);
    expect(error.msg).toContain('10.9.1.1 to 10.9.1.6');
    const gc = (valid: unknown) => ({
      ...status,
      verb: 'GC',
      config: { ...small, 'cni.dev/valid-attachments': valid },
    });
    await succeed(host.context, gc(undefined));
    await fail(host.context, status);
    await succeed(host.context, gc([{ containerID: 'c1', ifname: 'eth3' }]));
    await succeed(host.context, status);
    const left = host.context.state.read((view) => view.leases()).map(({ ip, kind }) => [ip, kind]);
    expect(left).toEqual([
      ['10.9.1.1', 'gateway'],
      ['10.9.1.3', 'endpoint'],
    ]);
    await succeed(host.context, gc([]));
    expect(host.context.state.read((view) => view.leases())).toHaveLength(1);
  });

  it('keeps what attachments have when the subnet is made larger or smaller', async () => {
    const sized = (subnet: string) => ({ ...config, ipam: { type: 'tsnet-ipam', subnet } });
    expect(await addressesOf({ config: sized('10.9.0.0/24') })).toEqual(['10.9.0.2/24']);
    expect(await addressesOf({ config: sized('10.9.0.0/23'), ifName: 'a' })).toEqual(['10.9.0.3/23']);
    expect(await addressesOf({ config: sized('10.9.0.0/29'), ifName: 'b' })).toEqual(['10.9.0.4/29']);
    for (const ifName of ['eth0', 'a', 'b']) await succeed(host.context, own('DEL', { ifName }));
    expect(host.context.state.read((view) => view.leases()).map(({ kind }) => kind)).toEqual(['gateway']);
  });

  it('has addresses of its own for each network, as host-local does', async () => {
    const other = { ...config, name: 'yet-another' };
    expect(await addressesOf({})).toEqual(await addressesOf({ config: other }));
  });
});

describe.skipIf(!hasReference)('tsnet-ipam below the reference plugin bridge', () => {
  it('is asked by it', async () => {
    // The daemon's executable is a program; here a script leaves what it was asked and answers for it.
    const config = {
      cniVersion: '1.0.0',
      name: 'ref',
      type: 'bridge',
      bridge: 'br9',
      isGateway: true,
      ipam: { type: 'tsnet-ipam', subnet: '10.9.0.0/24' },
    };
    const env = { CNI_CONTAINERID: 'c1', CNI_NETNS: box.path, CNI_IFNAME: 'eth0' };
    const answered = await callCni(host.context, call('ADD', config, { name: 'tsnet-ipam' }));
    writeFileSync(join(folder, 'answer'), answered.stdout);
    installPlugin(
      'tsnet-ipam',
      `cat > ${folder}/stdin; [ $CNI_COMMAND = ADD ] && cat ${folder}/answer; true`,
    );
    const path = `${folder}:/usr/lib/cni`;
    const added = await runReference(
      host.netns,
      'bridge',
      { ...env, CNI_COMMAND: 'ADD', CNI_PATH: path },
      config,
    );
    expect(added.status, added.stdout).toBe(0);
    expect((await box.exec('ip', '-o', 'address')).stdout).toContain('10.9.0.2/24');
    const [stdin] = await readFile('stdin');
    await succeed(host.context, {
      ...call('DEL', {}, { name: 'tsnet-ipam' }),
      config: stdin ?? '',
    });
    expect(host.context.state.read((view) => view.leases()).map(({ kind }) => kind)).toEqual(['gateway']);
  });
});
