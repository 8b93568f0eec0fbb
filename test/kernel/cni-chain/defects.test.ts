import { afterEach, beforeEach, expect, it } from 'vitest';
import { addressesOf, createCniHost, failureOf, listOf, type CniHost } from '../../support/libcni-host.ts';
import { until } from '../../support/engine-run.ts';
import { ask, listen, reaches, show, watchRules } from './probes.ts';

// What the reference plugins, up to 1.9.1, were seen to do wrong. Each name says what holds here.
let host: CniHost;
beforeEach(async () => {
  host = await createCniHost('with the daemon');
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const ipam = { type: 'tsnet-ipam', ranges: [[{ subnet: '10.78.0.0/24' }]] };
const tsnet = (more: object = {}) => ({
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  capabilities: { portMappings: true },
  ipam,
  ...more,
});
const publishing = (hostPort: number, more: object = {}) => ({
  capabilityArgs: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp', ...more }] },
});
const bridgeMac = async () => /link\/ether (\S+)/.exec(await show(host.netns, 'link', 'br0'))?.[1];

it('a first ADD that fails does not spoil the bridge for the next one', async () => {
  const list = listOf([tsnet()]);
  await host.boxes[0].exec('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other');
  await failureOf(host.libcni.add(list, host.conf(0)));
  await host.libcni.del(list, host.conf(0));
  await host.libcni.add(list, host.conf(1));
  expect(await bridgeMac()).not.toBe('00:00:00:00:00:00');
  expect(await reaches(host.boxes[1], '10.78.0.1')).toBe(true);
});

it('a first DEL succeeds with the masquerading of nftables where iptables is used too, also after a failed ADD', async () => {
  const list = listOf([tsnet({ ipMasqBackend: 'nftables' })]);
  await host.netns.exec('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'RETURN');
  await host.libcni.add(list, host.conf(0));
  await host.libcni.del(list, host.conf(0));
  await host.boxes[0].exec('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other');
  await failureOf(host.libcni.add(list, host.conf(0)));
  await host.libcni.del(list, host.conf(0));
  expect(await host.traces()).toEqual([]);
});

it('an ADD takes nothing out of the rules, which would make it wait for every processor', async () => {
  const list = listOf([tsnet()]);
  await host.libcni.add(list, host.conf(0, publishing(8080)));
  await using rules = await watchRules(host.netns);
  const isSeen = (change: RegExp) => rules.changes.some((line) => change.test(line));
  await host.libcni.add(list, host.conf(1, publishing(8081)));
  await until('the ADD is seen', () => isSeen(/^create .*8081/));
  expect(isSeen(/^(?:delete|flush|destroy) /)).toBe(false);
  await host.libcni.del(list, host.conf(1, publishing(8081)));
  await until('the DEL is seen', () => isSeen(/^delete .*8081/));
});

it('the MAC of the bridge stays when a container with a lower one comes, also without gateway', async () => {
  const list = listOf([tsnet({ isDefaultGateway: false, ipMasq: false, capabilities: { mac: true } })]);
  await host.libcni.add(list, host.conf(0));
  const before = await bridgeMac();
  await host.libcni.add(list, host.conf(1, { capabilityArgs: { mac: '02:00:00:00:00:00' } }));
  expect(await bridgeMac()).toBe(before);
  await host.libcni.check(list, host.conf(0));
});

it('one of two interfaces in a network ends without the other one', async () => {
  const list = listOf([tsnet()]);
  const first = host.conf(0, publishing(8080));
  const second = host.conf(0, { ...publishing(8080), ifName: 'eth1' });
  await host.libcni.add(list, first);
  await host.libcni.add(list, second);
  await using _server = await listen(host.boxes[0], 'web');
  expect(await ask(host.netns, '127.0.0.1:8080')).toBe('web 80');
  await host.libcni.del(list, second);
  // A container answers for either of its addresses on either interface, so the host may know it by the MAC that is gone.
  await host.netns.exec('ip', 'neighbour', 'flush', 'dev', 'br0');
  expect(await ask(host.netns, '127.0.0.1:8080')).toBe('web 80');
  expect(await reaches(host.boxes[0], '10.78.0.1')).toBe(true);
  await host.libcni.check(list, first);
  await host.libcni.del(list, first);
  expect(await host.traces()).toEqual([]);
});

it('an end without namespace takes everything back', async () => {
  const list = listOf([tsnet()]);
  await host.libcni.add(list, host.conf(0, publishing(8080)));
  await host.libcni.del(list, { ...host.conf(0, publishing(8080)), netns: '' });
  expect(await host.traces()).toEqual([]);
});

it('DEL does not need the ports that ADD was told of', async () => {
  const list = listOf([tsnet()]);
  await host.libcni.add(list, host.conf(0, publishing(8080)));
  await host.libcni.del(list, host.conf(0));
  expect(await host.traces()).toEqual([]);
});

it('a failed ADD leaves nothing, before any DEL', async () => {
  const list = listOf([tsnet()]);
  await host.libcni.add(list, host.conf(0, publishing(8080)));
  const before = await host.traces();
  const failure = await failureOf(host.libcni.add(list, host.conf(1, publishing(8080))));
  expect(failure.message).toMatch(/8080\/tcp: it is held by/);
  await expect(show(host.boxes[1], 'link', 'eth0')).rejects.toThrow();
  expect(await host.traces()).toEqual(before);
});

it('a wrong host address is an error that names it', async () => {
  const failure = await failureOf(
    host.libcni.add(listOf([tsnet()]), host.conf(0, publishing(8080, { hostIP: 'zz' }))),
  );
  expect(failure.code).toBe(7);
  expect(failure.message).toMatch(/portMappings\.0\.hostIP: "zz" is not allowed/);
});

it('a network without addresses can be checked', async () => {
  const list = listOf([{ type: 'tsnet', bridge: 'br0' }]);
  expect(addressesOf(await host.libcni.add(list, host.conf(0)))).toEqual([]);
  await host.libcni.check(list, host.conf(0));
  await host.libcni.del(list, host.conf(0));
  expect(await host.traces()).toEqual([]);
});

it('a second ADD of one attachment is refused and changes nothing', async () => {
  const list = listOf([tsnet()]);
  await host.libcni.add(list, host.conf(0));
  const before = await host.traces();
  await failureOf(host.libcni.add(list, host.conf(0)));
  expect(await host.traces()).toEqual(before);
  expect(await reaches(host.boxes[0], '10.78.0.1')).toBe(true);
});
