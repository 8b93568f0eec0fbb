import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { native } from '../../../src/kernel/native.ts';
import { openDescriptors, usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();

function openTwice(): [number, number] {
  const path = namespaces.path('lock');
  return [openSync(path, 'w'), openSync(path, 'w')];
}

it('excludes a second descriptor until the timeout', async () => {
  const [first, second] = openTwice();
  await native().flock(first, 'exclusive', 0);
  const started = performance.now();
  const refused = native().flock(second, 'exclusive', 60);
  await expect(refused).rejects.toMatchObject({ errno: 110, code: 'ETIMEDOUT', syscall: 'flock' });
  expect(performance.now() - started).toBeGreaterThanOrEqual(59);
  await expect(native().flock(second, 'shared', 0)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  closeSync(first);
  closeSync(second);
});

it('gets the lock as soon as it is free', async () => {
  const [first, second] = openTwice();
  await native().flock(first, 'exclusive', 0);
  const waiting = native().flock(second, 'exclusive', 10_000);
  await native().flock(first, 'unlock', 0);
  await waiting;
  await expect(native().flock(first, 'exclusive', 0)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  closeSync(first);
  closeSync(second);
});

it('is shared by readers', async () => {
  const [first, second] = openTwice();
  await native().flock(first, 'shared', 0);
  await native().flock(second, 'shared', 0);
  await expect(native().flock(first, 'exclusive', 10)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  closeSync(first);
  closeSync(second);
});

it('waits for many locks at once without keeping descriptors or the event loop', async () => {
  const [first, second] = openTwice();
  const before = openDescriptors();
  await native().flock(first, 'exclusive', 0);
  const waiting = Array.from({ length: 100 }, () => native().flock(second, 'exclusive', 100));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const outcomes = await Promise.allSettled(waiting);
  clearInterval(timer);
  expect(outcomes.filter((outcome) => outcome.status === 'rejected')).toHaveLength(100);
  expect(ticks).toBeGreaterThan(5);
  expect(openDescriptors()).toBe(before);
  closeSync(first);
  closeSync(second);
});

it('rejects for a descriptor that is not open', async () => {
  await expect(native().flock(99_999, 'shared', 0)).rejects.toMatchObject({ errno: 9, code: 'EBADF' });
});

it('locks on the spot, and waits there for another process', async () => {
  const [first, second] = openTwice();
  native().flockNow(first, 'exclusive');
  await expect(native().flock(second, 'exclusive', 0)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  native().flockNow(first, 'unlock');
  await native().flock(second, 'exclusive', 0);
  closeSync(second);
  const holder = spawn('flock', [namespaces.path('lock'), 'sleep', '0.3']);
  await setTimeout(100);
  const started = performance.now();
  native().flockNow(first, 'exclusive');
  expect(performance.now() - started).toBeGreaterThan(100);
  closeSync(first);
  await once(holder, 'exit');
});

it('refuses what can not be locked', () => {
  expect(() => native().flockNow(99_999, 'exclusive')).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => native().flockNow(0, 'both' as 'shared')).toThrow(RangeError);
});
