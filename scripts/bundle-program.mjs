import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { build } from 'esbuild';

// A program that starts quickly: one piece of code and what V8 made of it. Node takes 20 ms to find and read the twelve
// files of lmdb, 20 ms for ES modules as such, and as much again to compile what a command runs.

const resolve = createRequire(import.meta.url).resolve;
const store = resolve('lmdb');
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

/** What few commands need, or none. */
const seldomNeeded = {
  name: 'seldom-needed',
  setup(building) {
    // As large as all else together; a file of its own, which is read when it is required.
    building.onResolve({ filter: /^express$/ }, () => ({ path: './express.cjs', external: true }));
    // Commander starts no programs for tsnet, lmdb asks one for the C library only where nothing else tells, and to load this
    // takes up to 5 ms.
    building.onResolve({ filter: /^(node:)?child_process$/ }, ({ path, importer }) =>
      /[\\/](commander|detect-libc)[\\/]/.test(importer) ? { path, namespace: 'empty' } : undefined,
    );
  },
};

// V8 refuses code of another version of itself, or compiled with other flags, and then compiles as ever. The length of the
// source is all that it looks at otherwise; so both files are of one build.
const loaderFor = (name) => `'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const read = (name) => {
  try {
    return readFileSync(name);
  } catch {}
};
const filename = __dirname + '/${name}-code.cjs';
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: read(__dirname + '/${name}-code.cache') });
script.runInThisContext()(require, filename, __dirname);
`;

/** All of it as V8 keeps it, also the functions that are called later. */
function compiled(source, filename) {
  const wide = source.search(/[^\0-\x7f]/);
  if (wide >= 0) {
    const line = source.slice(0, wide).split('\n').length;
    throw new Error(
      `${filename}:${line}: not ASCII, but the code is read as Latin-1; write \\u escapes in regular expressions`,
    );
  }
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename });
  // The code remembers the flags it was made with.
  setFlagsFromString('--lazy');
  return script.createCachedData();
}

const shared = {
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  write: false,
  logLevel: 'warning',
};

/**
 * The files of a program in a folder, not written yet: `NAME.cjs` is the one to start.
 *
 * @param entry its first file, which must not await at its top
 * @param isDense whether to leave out white space as well; errors show long lines then
 */
export async function bundleProgram(root, outdir, { name, entry, isDense = false }) {
  const { outputFiles } = await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: { [`${name}-code`]: entry },
    outdir,
    outExtension: { '.js': '.cjs' },
    plugins: [storeInside, seldomNeeded],
    define: { 'import.meta.url': 'bundleUrl', 'import.meta.dirname': '__dirname' },
    // A function, as modules are.
    banner: {
      js: "(function (require, __filename, __dirname) { const module = { exports: {} }; const bundleUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
    // Read as Latin-1, which is fast.
    charset: 'ascii',
    // Only a module could import at run time.
    supported: { 'dynamic-import': false },
    minifyWhitespace: isDense,
    sourcemap: 'external',
  });
  const code = outputFiles.find(({ path }) => path.endsWith('.cjs'));
  return [
    ...outputFiles,
    { path: join(outdir, `${name}-code.cache`), contents: compiled(code.text, `${name}-code.cjs`) },
    { path: join(outdir, `${name}.cjs`), contents: loaderFor(name) },
  ];
}

/** Packages that programs load when they need them. */
export async function bundlePackages(root, outdir) {
  const { outputFiles } = await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: { express: resolve('express') },
    outdir,
    outExtension: { '.js': '.cjs' },
  });
  return outputFiles;
}
