import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const source = resolve(import.meta.dirname, '../../src');

/** What each folder may import beside itself. Arrows point one way: nothing imports upwards. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  model: [],
  kernel: ['model'],
  firewall: ['model', 'kernel'],
  observe: ['model', 'kernel', 'firewall'],
  plan: ['model'],
  ipam: ['model'],
  state: ['model', 'ipam', 'kernel'],
  network: ['model', 'plan', 'ipam', 'state', 'observe', 'kernel', 'firewall'],
  run: ['model', 'kernel', 'state', 'network'],
  'inspect/engines': ['model'],
  // Reads the text of iptables-save as the driver does: kernel/iptables/parse-save.ts, which touches no kernel.
  'inspect/rules': ['model', 'observe', 'kernel'],
  inspect: ['model', 'observe', 'inspect/engines', 'inspect/rules'],
  'inspect/capture': ['model', 'observe', 'kernel', 'inspect', 'inspect/engines', 'inspect/rules'],
  'inspect/probe': [
    'model',
    'observe',
    'kernel',
    'inspect',
    'inspect/engines',
    'inspect/rules',
    'inspect/capture',
  ],
  'frontends/socket': ['model', 'kernel'],
  'frontends/docker': ['model', 'network', 'frontends/socket'],
  'frontends/cni': ['model', 'network'],
  'frontends/netavark': ['model', 'network', 'frontends/docker', 'frontends/install'],
  'frontends/plugin-socket': ['model', 'network', 'frontends/socket', 'frontends/cni', 'frontends/netavark'],
  'frontends/install': ['model', 'kernel', 'state', 'network', 'frontends/socket'],
  'frontends/cli': [
    'model',
    'observe',
    'network',
    'run',
    'state',
    'kernel',
    'inspect',
    'inspect/engines',
    'inspect/rules',
    'inspect/capture',
    'inspect/probe',
    'frontends/docker',
    'frontends/plugin-socket',
    'frontends/install',
  ],
};

const pure = ['model', 'plan', 'ipam'];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const imports = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => importsOf(join(source, file)));

describe('the dependency rule', () => {
  it('finds the imports that it judges', () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it('lets every folder import only what stands below it', () => {
    const wrong = imports.filter(({ from, to }) => {
      if (!to.startsWith('.')) return false;
      const target = folderOf(resolve(dirname(join(source, from)), to));
      const own = folderOf(join(source, from));
      return target !== own && !(allowed[own] ?? []).includes(target);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps the pure folders free of Node, so that they run anywhere', () => {
    const wrong = imports.filter(
      ({ from, to }) => to.startsWith('node:') && pure.includes(folderOf(join(source, from))),
    );
    expect(wrong).toEqual([]);
  });

  it('loads the addon in one place only', () => {
    const loaders = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => readFileSync(join(source, file), 'utf8').includes('tsnet.node'));
    expect(loaders).toEqual(['kernel/native.ts']);
  });
});

/** The longest listed folder that a file lies in. */
function folderOf(path: string): string {
  const place = relative(source, path);
  const folders = Object.keys(allowed).filter((folder) => place.startsWith(`${folder}/`));
  return folders.sort((one, other) => other.length - one.length)[0] ?? place;
}

function importsOf(path: string): Import[] {
  const text = readFileSync(path, 'utf8');
  const found = text.matchAll(/(?:from|import\()\s*'([^']+)'/g);
  return [...found].map((match) => ({
    file: path,
    from: relative(source, path),
    to: match[1] ?? '',
  }));
}
