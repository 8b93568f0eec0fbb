import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { build } from 'esbuild';

// What the executables for CNI and netavark become where no daemon answers. A container waits for its start, so it is one
// piece: Node takes 20 ms to find and read the twelve files of lmdb, and 5 ms for ES modules as such.

const store = createRequire(import.meta.url).resolve('lmdb');
const empty = 'exports.Encoder = exports.WeakLRUCache = class {};';

/** lmdb's JavaScript inside the bundle; its binary is looked for beside its own package, as ever. */
const storeInside = {
  name: 'store-inside',
  setup(building) {
    building.onResolve({ filter: /^lmdb$/ }, () => ({ path: store, namespace: 'store' }));
    building.onLoad({ filter: /.*/, namespace: 'store' }, async ({ path }) => ({
      resolveDir: dirname(path),
      contents: [
        "var __filename = (0, require)('node:module').createRequire(bundleUrl).resolve('lmdb');",
        "var __dirname = require('node:path').dirname(__filename);",
        await readFile(path, 'utf8'),
      ].join('\n'),
    }));
    // Records are bytes and nothing is cached, so that these are never called.
    building.onResolve({ filter: /^(msgpackr|weak-lru-cache)$/ }, ({ path }) => ({
      path,
      namespace: 'empty',
    }));
    building.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: empty }));
  },
};

// V8 takes 35 ms to compile what a container's attachment runs, and 5 ms to read what was compiled before. It refuses code
// of another version of itself, or compiled with other flags, and then compiles as ever. The length of the source is all
// that it looks at otherwise; so both files are of one build.
const loader = `'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const read = (name) => {
  try {
    return readFileSync(name);
  } catch {}
};
const filename = __dirname + '/plugin-code.cjs';
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: read(__dirname + '/plugin-code.cache') });
script.runInThisContext()(require, filename, __dirname);
`;

/** All of it as V8 keeps it, also the functions that are called later. */
function compiled(source) {
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename: 'plugin-code.cjs' });
  // The code remembers the flags it was made with.
  setFlagsFromString('--lazy');
  return script.createCachedData();
}

/** The files of the bundle in a folder, not written yet: `plugin.cjs` is the one to start. */
export async function bundlePlugin(root, outdir) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { 'plugin-code': join(root, 'src/frontends/cli/plugin.ts') },
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    plugins: [storeInside],
    define: { 'import.meta.url': 'bundleUrl', 'import.meta.dirname': '__dirname' },
    // A function, as modules are.
    banner: {
      js: "(function (require, __filename, __dirname) { const module = { exports: {} }; const bundleUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
    // Read as Latin-1, which is fast.
    charset: 'ascii',
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'external',
    write: false,
    logLevel: 'warning',
  });
  const source = outputFiles.find(({ path }) => path.endsWith('.cjs')).text;
  return [
    ...outputFiles,
    { path: join(outdir, 'plugin-code.cache'), contents: compiled(source) },
    { path: join(outdir, 'plugin.cjs'), contents: loader },
  ];
}
