import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  formatInspection,
  loadInspection,
  parseInspection,
  saveInspection,
} from '../../../src/inspect/inspection-file.ts';
import type { Inspection } from '../../../src/inspect/inspection.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsnet-snapshot-'));
afterAll(() => rmSync(folder, { recursive: true }));

const inspection = {
  schema: 'tsnet.snapshot/1',
  snapshot: {
    takenAt: '2026-11-21T12:00:00.000Z',
    host: { name: 'test', kernel: '6.18' },
    hostNetns: 'net:1',
    namespaces: [
      {
        id: 'net:1',
        paths: [],
        processes: [{ pid: 1, command: 'a\nb\u001b[31m', cgroup: '/', isInit: true }],
        nsids: [],
        links: [],
        addresses: [],
        routes: [],
        policyRules: [],
        neighbours: [{ family: 4, linkIndex: 2, ip: '10.0.0.1', mac: '00:00:00:00:00:00', state: 'noarp' }],
        forwarding: [],
        sockets: [{ protocol: 'tcp', ip: '::', port: 80, isIpv6Only: false, inode: 1, uid: 0, waiting: 0 }],
        sysctls: { 'ipv4/ip_forward': '1' },
      },
    ],
    gaps: [],
  },
  engines: [],
} as unknown as Inspection;

/** The text of the inspection with one value replaced. */
function changed(path: readonly (string | number)[], value: unknown): string {
  const copy = structuredClone(inspection) as unknown as Record<string | number, unknown>;
  let place = copy;
  for (const key of path.slice(0, -1)) place = place[key] as typeof place;
  place[path.at(-1) ?? ''] = value;
  return JSON.stringify(copy);
}

describe('a saved inspection', () => {
  it('is the same when it is loaded, and private', () => {
    const path = join(folder, 'host.json');
    saveInspection(inspection, path);
    expect(loadInspection(path)).toEqual(inspection);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps what this version does not know', () => {
    const text = changed(['snapshot', 'namespaces', 0, 'weather'], 'sunny');
    expect(formatInspection(parseInspection(text, 'test'))).toContain('sunny');
  });

  it.each<[what: string, text: string, why: RegExp]>([
    ['no JSON', '{"schema":', /x\.json: it is no JSON/],
    ['nothing', 'null', /it is no snapshot/],
    ['something else', '{"Name": "web"}', /it is no snapshot/],
    [
      'a later form',
      changed(['schema'], 'tsnet.snapshot/2'),
      /in form tsnet\.snapshot\/2, this version reads tsnet\.snapshot\/1/,
    ],
    ['a missing list', changed(['engines'], undefined), /engines: /],
    [
      'a wrong number',
      changed(['snapshot', 'namespaces', 0, 'processes', 0, 'pid'], -1),
      /snapshot\.namespaces\.0\.processes\.0\.pid/,
    ],
    [
      'a wrong address',
      changed(['snapshot', 'namespaces', 0, 'sockets', 0, 'ip'], 'web'),
      /sockets\.0\.ip: expected an address/,
    ],
    [
      'a wrong port',
      changed(['snapshot', 'namespaces', 0, 'sockets', 0, 'port'], 70000),
      /sockets\.0\.port: expected a port/,
    ],
    [
      'a wrong hardware address',
      changed(['snapshot', 'namespaces', 0, 'neighbours', 0, 'mac'], '0'),
      /expected a MAC/,
    ],
    ['a setting that is no text', changed(['snapshot', 'namespaces', 0, 'sysctls', 'x'], 1), /sysctls\.x/],
    ['no host', changed(['snapshot', 'hostNetns'], 'net:2'), /the host's net:2 is missing/],
  ])('is refused with its flaw named: %s', (_, text, why) => {
    const path = join(folder, 'x.json');
    writeFileSync(path, text);
    let thrown: unknown;
    try {
      loadInspection(path);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ kind: 'invalid-input', message: expect.stringMatching(why) as string });
  });

  it('tells a file that is not there from one that is wrong', () => {
    expect(() => loadInspection(join(folder, 'none.json'))).toThrow(
      expect.objectContaining({ kind: 'not-found' }),
    );
    expect(() => saveInspection(inspection, folder)).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }),
    );
  });
});
