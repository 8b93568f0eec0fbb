import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runNetavark } from '../../../../src/frontends/netavark/index.ts';
import { readPodmanNetworks } from '../../../../src/frontends/netavark/podman-networks.ts';

/** Whatever is asked here is answered before anything is opened. */
const unopened = () => Promise.reject(new Error('it was opened'));
const call = (args: readonly string[], stdin = '') => runNetavark(unopened, { args, env: {}, stdin });

describe('the plugin', () => {
  it.each([[['info']], [[]]])('tells its version for %j', async (args) => {
    const { exitCode, stdout } = await call(args);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      api_version: '1.0.0',
    });
  });

  it.each([
    [['update'], '', /command: "update" is not allowed, expected create, setup, teardown or info/],
    [['create'], '', /standard input: not JSON/],
    [['setup'], '{}', /network namespace: nothing is not allowed/],
    [['setup', 'relative'], '{}', /network namespace: "relative" is not allowed/],
    [['setup', '/run/netns/x'], '{', /standard input: not JSON/],
    [['teardown', '/run/netns/x'], '', /standard input: not JSON/],
  ])('answers %j with the one field that Podman takes', async (args, stdin, message) => {
    const answer = await call(args, stdin);
    expect(answer.exitCode).toBe(1);
    expect(JSON.parse(answer.stdout)).toEqual({ error: expect.stringMatching(message) });
  });

  it('answers anything at all with JSON and never throws', async () => {
    const command = fc.constantFrom('create', 'setup', 'teardown', 'x');
    await fc.assert(
      fc.asyncProperty(command, fc.json(), async (name, stdin) => {
        const { exitCode, stdout } = await call([name, '/run/netns/x'], stdin);
        expect(exitCode).toBe(1);
        expect(Object.keys(JSON.parse(stdout) as object)).toEqual(['error']);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the networks that Podman knows', () => {
  it('are read from its files, as far as they can be', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsnet-podman-networks-'));
    try {
      const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
      write('one.json', JSON.stringify({ name: 'one', subnets: [{ subnet: '10.89.0.0/24' }] }));
      write('none.json', JSON.stringify({ name: 'none', subnets: null }));
      write('broken.json', '{');
      write('notes.txt', '{}');
      expect(readPodmanNetworks(folder)).toEqual([
        { name: 'none', subnets: [] },
        { name: 'one', subnets: ['10.89.0.0/24'] },
      ]);
      expect(readPodmanNetworks(join(folder, 'nowhere'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
