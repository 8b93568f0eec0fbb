import { execFile } from 'node:child_process';
import { closeSync, constants, fstatSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { native, type NativeQuestion } from '../../../src/kernel/native.ts';
import {
  dumpLinks,
  getLoopback,
  ifinfo,
  message,
  NETLINK_ROUTE,
  NLMSG_DONE,
  replies,
  RTM_GETLINK,
  RTM_NEWLINK,
  setLoopback,
  type Reply,
} from './messages.ts';
import { namespacesOfThreads, openDescriptors, usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();

const ofRoute = (request: Uint8Array, lastSequence: number): NativeQuestion => ({
  protocol: NETLINK_ROUTE,
  request,
  lastSequence,
});
const links = ofRoute(dumpLinks(7), 7);

interface Asked {
  readonly errno: number;
  /** Whether there was a descriptor, and it had the identity that was told. */
  readonly isOpen: boolean;
  readonly inode: bigint;
  readonly answers: readonly { readonly errno: number; readonly replies: readonly Reply[] }[];
}

/** Reads the records, and closes the descriptors. */
async function ask(paths: readonly string[], questions: readonly NativeQuestion[]): Promise<Asked[]> {
  const bytes = await native().askNamespaces({ namespaces: paths, questions });
  let at = 0;
  const found = paths.map((): Asked => {
    const errno = bytes.readUInt32LE(at);
    const descriptor = bytes.readInt32LE(at + 4);
    const inode = bytes.readBigUInt64LE(at + 16);
    if (descriptor >= 0) {
      const { dev, ino } = fstatSync(descriptor, { bigint: true });
      closeSync(descriptor);
      expect([dev, ino]).toEqual([bytes.readBigUInt64LE(at + 8), inode]);
    }
    at += 24;
    const answers = (errno === 0 ? questions : []).map(() => {
      const start = at + 8;
      const one = bytes.readUInt32LE(at);
      const end = start + bytes.readUInt32LE(at + 4);
      at = end;
      return { errno: one, replies: replies(bytes.subarray(start, end)) };
    });
    return { errno, isOpen: descriptor >= 0, inode, answers };
  });
  expect(at).toBe(bytes.length);
  return found;
}

const typesOf = (asked: Asked | undefined, question = 0): number[] =>
  asked?.answers[question]?.replies.map(({ type }) => type) ?? [];

describe('askNamespaces', () => {
  it('gives the answers of each namespace, in order, and leaves every thread where it was', async () => {
    const [blue, red] = [namespaces.create('blue'), namespaces.create('red')];
    const socket = native().openSocket({ domain: 16, type: 3, protocol: 0, netns: red });
    await socket.exchange(setLoopback(1, true), { lastSequence: 1, until: 'last' });
    socket.close();
    const before = openDescriptors();
    const asked = await ask([blue, red, blue], [links, ofRoute(getLoopback(9), 9)]);
    expect(asked.map(({ inode }) => Number(inode))).toEqual(
      [blue, red, blue].map((path) => statSync(path).ino),
    );
    for (const one of asked) {
      expect(one).toMatchObject({ errno: 0, isOpen: true });
      expect([typesOf(one)[0], typesOf(one).at(-1)]).toEqual([RTM_NEWLINK, NLMSG_DONE]);
      expect(one.answers[0]?.replies.every(({ sequence }) => sequence === 7)).toBe(true);
    }
    // IFF_UP of the loopback interface.
    const isUp = ({ answers }: Asked) => (answers[1]?.replies[0]?.payload.readUInt32LE(8) ?? 0) & 1;
    expect(asked.map(isUp)).toEqual([0, 1, 0]);
    expect(openDescriptors()).toBe(before);
    expect(namespacesOfThreads().size).toBe(1);
  });

  it('tells which could not be opened and which are no network namespace', async () => {
    const file = namespaces.path('file');
    writeFileSync(file, '');
    const [missing, plain, mount, good] = await ask(
      [namespaces.path('missing'), file, '/proc/self/ns/mnt', namespaces.create('blue')],
      [links],
    );
    expect(missing).toMatchObject({ errno: 2, isOpen: false });
    expect(plain).toMatchObject({ errno: 22, isOpen: true });
    expect(mount).toMatchObject({ errno: 22, isOpen: true });
    expect(good).toMatchObject({ errno: 0, isOpen: true });
    expect(typesOf(good)).toContain(RTM_NEWLINK);
  });

  it('gives the error of a question beside the answers to the others', async () => {
    const unanswered = ofRoute(message(RTM_NEWLINK, 0, 3, ifinfo(1)), 3);
    const unknown = { ...links, protocol: 4_444 };
    const refused = ofRoute(message(RTM_GETLINK, 4, 5, ifinfo(4_711)), 5);
    const [asked] = await ask([namespaces.create('blue')], [unanswered, links, unknown, refused, links]);
    expect(asked?.answers.map(({ errno }) => errno)).toEqual([11, 0, 93, 0, 0]);
    // The answer to what is asked next is not mixed with what was not read.
    expect(typesOf(asked, 1)).toEqual(typesOf(asked, 4));
    expect(typesOf(asked, 3)).toEqual([2]);
  });

  it('reads files as the namespace shows them, and says which are not there', async () => {
    const blue = namespaces.create('blue');
    const red = namespaces.create('red');
    const forwarding = native().openFileIn(red, '/proc/sys/net/ipv4/ip_forward', constants.O_WRONLY);
    writeSync(forwarding, '1');
    closeSync(forwarding);
    const folders = [
      { path: '/proc/sys/net/ipv4', files: ['ip_forward', 'absent', 'conf/all/forwarding'] },
      { path: '/nonexistent', files: ['x', 'y'] },
      { path: '/proc/self', files: ['ns'] },
    ];
    const bytes = await native().askNamespaces({ namespaces: [blue, red], questions: [links], folders });
    let at = 0;
    const part = (): [errno: number, text: string] => {
      const start = at + 8;
      const found: [number, string] = [bytes.readUInt32LE(at), ''];
      at = start + bytes.readUInt32LE(at + 4);
      found[1] = bytes.toString('latin1', start, at);
      return found;
    };
    const files = [blue, red].map(() => {
      closeSync(bytes.readInt32LE(at + 4));
      at += 24;
      expect(part()[0]).toBe(0);
      return Array.from({ length: 6 }, part);
    });
    expect(at).toBe(bytes.length);
    const absent = [
      [2, ''],
      [2, ''],
      [21, ''],
    ];
    expect(files).toEqual([
      [[0, '0\n'], [2, ''], [0, '0\n'], ...absent],
      [[0, '1\n'], [2, ''], [0, '1\n'], ...absent],
    ]);
  });

  it('asks nobody nothing, too', async () => {
    expect(await ask([], [links])).toEqual([]);
    expect(await ask([namespaces.create('blue')], [])).toMatchObject([{ errno: 0, answers: [] }]);
  });

  it('refuses what is no inquiry', () => {
    const call = (inquiry: unknown) => () => native().askNamespaces(inquiry as never);
    const one = { namespaces: ['/proc/self/ns/net'], questions: [links] };
    for (const wrong of [
      undefined,
      {},
      { ...one, namespaces: 'x' },
      { ...one, namespaces: [7] },
      { ...one, namespaces: ['a\0b'] },
      { ...one, questions: [undefined] },
      { ...one, questions: [{ ...links, request: [1, 2, 3] }] },
      { ...one, folders: {} },
      { ...one, folders: [{ path: '/proc' }] },
      { ...one, folders: [{ path: '/proc', files: [1] }] },
      { ...one, folders: [{ path: '/proc', files: ['a\0b'] }] },
    ]) {
      expect(call(wrong)).toThrow(TypeError);
    }
    for (const wrong of [
      { ...one, namespaces: Array.from({ length: 4_097 }, () => 'x') },
      { ...one, questions: Array.from({ length: 33 }, () => links) },
      { ...one, questions: [{ ...links, request: new Uint8Array(16) }] },
      { ...one, questions: [{ ...links, request: new Uint8Array(70_000) }] },
      { ...one, questions: [{ ...links, lastSequence: -1 }] },
      { ...one, folders: Array.from({ length: 9 }, () => ({ path: '/proc', files: [] })) },
      { ...one, folders: [{ path: '/proc', files: Array.from({ length: 65 }, () => 'x') }] },
    ]) {
      expect(call(wrong)).toThrow(RangeError);
    }
  });

  it('survives namespaces that end while they are asked', async () => {
    const before = openDescriptors();
    for (let round = 0; round < 20; round++) {
      const paths = Array.from({ length: 10 }, (_, index) => namespaces.path(`dying-${index}`));
      for (const path of paths) native().createNetns(path);
      const pending = ask([...paths, ...paths], [links, links, links]);
      for (const path of paths) native().deleteNetns(path);
      for (const { errno, answers } of await pending) {
        // Gone before it was opened, or what is left of it is an empty file.
        expect([0, 2, 22]).toContain(errno);
        if (errno === 0) expect(answers.every((answer) => answer.errno === 0)).toBe(true);
      }
    }
    expect(openDescriptors()).toBe(before);
  });

  it('lets workers end at any moment', async () => {
    const script = `
      const { Worker, isMainThread, workerData } = require('node:worker_threads');
      const addon = require(${JSON.stringify(join(import.meta.dirname, '../../../native/build/Release/tsnet.node'))});
      const request = Buffer.from(${JSON.stringify(dumpLinks(7).toString('hex'))}, 'hex');
      const inquiry = {
        namespaces: Array.from({ length: 500 }, () => ${JSON.stringify(namespaces.create('blue'))}),
        questions: [{ protocol: 0, request, lastSequence: 7 }],
      };
      if (isMainThread) {
        (async () => {
          const codes = [];
          for (let round = 0; round < 20; round++) {
            const worker = new Worker(__filename, { workerData: round });
            worker.on('message', () => setTimeout(() => worker.terminate(), round % 7));
            codes.push(await new Promise((resolve) => worker.on('exit', resolve)));
          }
          const threads = require('node:fs').readdirSync('/proc/self/task').length;
          console.log(JSON.stringify({ codes: [...new Set(codes)].sort(), isBounded: threads < 20 }));
        })();
      } else {
        for (let count = 0; count < 4; count++) addon.askNamespaces(inquiry).catch(() => {});
        require('node:worker_threads').parentPort.postMessage('busy');
        if (workerData % 2 === 0) process.exit(7);
      }`;
    const file = namespaces.path('workers.cjs');
    writeFileSync(file, script);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 50_000 });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ codes: [1, 7], isBounded: true });
  });

  it('ends with the process', async () => {
    const script = `
      const addon = require(${JSON.stringify(join(import.meta.dirname, '../../../native/build/Release/tsnet.node'))});
      addon.askNamespaces({ namespaces: Array.from({ length: 4000 }, () => '/proc/self/ns/net'), questions: [] });
      setTimeout(() => process.exit(0), 1);`;
    const { stderr } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 10_000 });
    expect(stderr).toBe('');
  });
});
