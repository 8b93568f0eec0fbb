import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCniHost, failureOf, listOf, type CniHost } from '../../support/libcni-host.ts';
import { ask, listen, reaches, show } from './probes.ts';

// Reference plugins behind ours: what a list that was written for the reference bridge has behind it.
let host: CniHost;
beforeEach(async () => {
  host = await createCniHost('with the daemon');
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const tsnet = (more: object = {}) => ({
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.78.0.0/24' }]] },
  ...more,
});
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];

describe('behind tsnet', () => {
  it('portmap publishes, also where ours publishes too', async () => {
    for (const capabilities of [{}, { portMappings: true }]) {
      const list = listOf([
        tsnet({ capabilities }),
        { type: 'portmap', capabilities: { portMappings: true } },
      ]);
      const conf = host.conf(0, { capabilityArgs: { portMappings } });
      await host.libcni.add(list, conf);
      await using server = await listen(host.boxes[0], 'web');
      expect(server.pid).toBeGreaterThan(0);
      expect(await ask(host.netns, '10.78.0.1:8080')).toBe('web 80');
      await host.libcni.check(list, conf).catch((error: unknown) => {
        // Debian's 1.1.1 checks for IPv6 rules of a container that has no IPv6 address.
        if (!String(error).includes('could not check ipv6 dnat')) throw error;
      });
      await host.libcni.del(list, conf);
      expect(await host.traces()).toEqual([]);
    }
  });

  it('firewall lets in and out what it lets in and out behind the reference bridge', async () => {
    const list = listOf([tsnet(), { type: 'firewall', ingressPolicy: 'same-bridge' }]);
    await host.libcni.add(list, host.conf(0));
    await host.libcni.add(list, host.conf(1));
    await host.libcni.check(list, host.conf(0));
    expect(await reaches(host.boxes[0], '10.78.0.3')).toBe(true);
    expect((await host.netns.exec('iptables', '-S', 'CNI-FORWARD')).stdout).toContain('10.78.0.2');
    await host.libcni.del(list, host.conf(0));
    await host.libcni.del(list, host.conf(1));
    expect((await host.netns.exec('iptables', '-S', 'CNI-FORWARD')).stdout).not.toContain('10.78.0.');
  });

  it('tuning changes MAC, MTU and settings, and CHECK of ours takes them as they are', async () => {
    const tuning = {
      type: 'tuning',
      mac: '02:00:00:00:00:99',
      mtu: 1400,
      sysctl: { 'net.ipv4.conf.eth0.log_martians': '1' },
      dataDir: join(host.folder, 'tuning'),
    };
    const list = listOf([tsnet(), tuning]);
    const result = await host.libcni.add(list, host.conf(0));
    expect(JSON.stringify(result['interfaces'])).toContain('02:00:00:00:00:99');
    expect(await show(host.boxes[0], 'link', 'eth0')).toMatch(/mtu 1400 .*02:00:00:00:00:99/);
    expect(await reaches(host.netns, '10.78.0.2')).toBe(true);
    await host.libcni.check(list, host.conf(0));
    await host.libcni.del(list, host.conf(0));
    expect(await host.traces()).toEqual([]);
  });

  it('bandwidth shapes on the host end that our result names', async () => {
    const rate = { ingressRate: 8_000_000, ingressBurst: 80_000, egressRate: 8_000_000, egressBurst: 80_000 };
    const list = listOf([tsnet(), { type: 'bandwidth', ...rate }]);
    await host.libcni.add(list, host.conf(0));
    expect((await host.netns.exec('tc', 'qdisc')).stdout.match(/tbf/g)).toHaveLength(2);
    await host.libcni.check(list, host.conf(0));
    await host.libcni.del(list, host.conf(0));
    expect((await host.netns.exec('tc', 'qdisc')).stdout).not.toMatch(/tbf/);
    expect(await host.traces()).toEqual([]);
  });

  it('a plugin that fails makes the runtime delete, which takes ours back', async () => {
    host.plugin(
      'broken',
      'cat >/dev/null; [ "$CNI_COMMAND" != ADD ] || { echo \'{"code":100,"msg":"no"}\'; exit 1; }',
    );
    const list = listOf([tsnet({ capabilities: { portMappings: true } }), { type: 'broken' }]);
    const conf = host.conf(0, { capabilityArgs: { portMappings } });
    expect((await failureOf(host.libcni.add(list, conf))).code).toBe(100);
    // There is no result of this attachment, so DEL comes without one.
    await host.libcni.del(list, conf);
    expect(host.libcni.calls.at(-1)?.stdin['prevResult']).toBeUndefined();
    expect(await host.traces()).toEqual([]);
  });
});
