import { mkdtempSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseInspection } from '../../../../src/inspect/inspection-file.ts';
import { observeHost, topologyParts } from '../../../../src/observe/host/index.ts';
import { compileProgram } from '../../../support/compile.ts';
import { createNetns } from '../../../support/netns.ts';

/** `nobody`, who may do nothing. */
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'] as const;

it('shows an ordinary user what he may see, and says what he may not', async () => {
  const program = await compileProgram(join(import.meta.dirname, 'print-snapshot.ts'));
  await using own = await createNetns('obs-user');
  await using other = await createNetns('obs-other');
  await own.exec('ip', 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other.name);
  const { stdout } = await own.exec(...asNobody, process.execPath, program);
  const { snapshot } = parseInspection(stdout, 'nobody');
  const [host] = snapshot.namespaces;
  expect(host).toMatchObject({ id: `net:${statSync(own.path).ino}`, sockets: [] });
  expect(host?.links.map(({ name }) => name)).toEqual(['lo', 'left']);
  expect(host?.routes.length).toBeGreaterThan(0);
  expect(host?.sysctls['ipv4/conf/left/forwarding']).toMatch(/^[01]$/);
  const closed = snapshot.namespaces.find(({ id }) => id === `net:${statSync(other.path).ino}`);
  expect(closed).toMatchObject({ paths: [other.path], links: [], processes: [] });
  const gaps = new Map(snapshot.gaps.map(({ what, why }) => [what, why]));
  expect(gaps.get(closed?.id ?? '')).toContain('EPERM');
  expect(gaps.get(`${host?.id} nftables`)).toMatch(/not permitted/i);
  expect(gaps.get(`${host?.id} flows`)).toContain('EPERM');
  expect(gaps.get('processes')).toMatch(/^\d+ may not be looked at$/);
});

it('takes a link to a namespace for one of its names, and looks at nothing that other links lead to', async () => {
  await using netns = await createNetns('obs-linked');
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-links-'));
  const names = ['right', 'file', 'pipe', 'nowhere'].map((word) => `${netns.path}-${word}`);
  const [right = '', file = '', pipe = '', nowhere = ''] = names;
  try {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(netns.path, right);
    symlinkSync(join(folder, 'file'), file);
    symlinkSync(join(folder, 'pipe'), pipe);
    symlinkSync(join(folder, 'nowhere'), nowhere);
    const snapshot = await observeHost({ parts: topologyParts });
    const { ino } = statSync(netns.path);
    expect(snapshot.namespaces.find(({ id }) => id === `net:${ino}`)?.paths).toEqual([netns.path, right]);
    const paths = snapshot.namespaces.flatMap((one) => one.paths);
    expect(paths.filter((path) => [file, pipe, nowhere].includes(path))).toEqual([]);
  } finally {
    for (const name of names) unlinkSync(name);
    rmSync(folder, { recursive: true });
  }
});
