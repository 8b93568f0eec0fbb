// Makes what `dist` holds: the command `tsnet` (main.mjs with its chunks, and the launcher), plugin.cjs with the
// executables for CNI and netavark in front of it, and the plugin for Docker's client.
//   node scripts/build.mjs [ENTRY [FOLDER]]     default: src/frontends/cli/main.ts dist
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundlePlugin } from './bundle-plugin.mjs';
import { compilePlugins } from './compile-plugins.mjs';

const root = join(import.meta.dirname, '..');
const [entry = join(root, 'src/frontends/cli/main.ts'), folder = join(root, 'dist')] = process.argv
  .slice(2)
  .map((path) => resolve(path));

// Packages the start of a command must not load: they belong into chunks that are imported when needed.
const lazy = ['express'];

// The first bytes of the launcher matter: it runs for each command. NODE_EXTRA_CA_CERTS costs Node 40 ms at start
// and tsnet never speaks TLS. A small young generation keeps the daemon 20 MB smaller and costs nothing here. The links that npm and users make to the launcher are resolved.
const launcher = `#!/bin/sh
self=$(readlink -f "$0"); unset NODE_EXTRA_CA_CERTS; exec node --max-semi-space-size=4 "\${self%/*}/main.mjs" "$@"
`;

const [executables, result, plugin] = await Promise.all([
  compilePlugins(root),
  build({
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Loads a binary that lies beside its own code.
    external: ['lmdb'],
    sourcemap: 'linked',
    // CommonJS packages inside an ES module still call require for Node's own modules.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    metafile: true,
    write: false,
    logLevel: 'warning',
  }),
  bundlePlugin(root, folder),
]).catch(() => process.exit(1)); // esbuild has told why

const early = loadedAtStart(result.metafile.outputs, relative(root, join(folder, 'main.mjs')));
for (const name of lazy) {
  const culprit = early.find((path) => path.includes(`node_modules/${name}/`));
  if (culprit) {
    console.error(`build: ${name} would be loaded at every start (${culprit}); import it when it is needed`);
    process.exit(1);
  }
}

// Written only now, so that a failed build leaves the last good one.
await rm(folder, { recursive: true, force: true });
for (const file of [...result.outputFiles, ...plugin]) {
  await mkdir(dirname(file.path), { recursive: true });
  await writeFile(file.path, file.contents);
}
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const clientPlugin = await readFile(join(root, 'plugins/docker-client/docker-tsnet.in'), 'utf8');
for (const { path } of executables) await mkdir(dirname(join(folder, path)), { recursive: true });
for (const [name, content] of [
  ...executables.map(({ path, contents }) => [path, contents]),
  ['tsnet', launcher],
  ['docker-tsnet', clientPlugin.replaceAll('@version@', version)],
]) {
  await writeFile(join(folder, name), content);
  await chmod(join(folder, name), 0o755);
}

/** Source files in the main output and in all outputs it imports at once. */
function loadedAtStart(outputs, main) {
  const seen = new Set([main]);
  for (const path of seen) {
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') seen.add(imported);
    }
  }
  return [...seen].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}));
}
