// Makes what `dist` holds: the command `tsnet` (main.cjs and the launcher), plugin.cjs with the executables for CNI and
// netavark in front of it, and the plugin for Docker's client.
//   node scripts/build.mjs [ENTRY [FOLDER]]     default: src/frontends/cli/start.ts dist
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { bundlePackages, bundleProgram } from './bundle-program.mjs';
import { compilePlugins } from './compile-plugins.mjs';

const root = join(import.meta.dirname, '..');
const [entry = join(root, 'src/frontends/cli/start.ts'), folder = join(root, 'dist')] = process.argv
  .slice(2)
  .map((path) => resolve(path));

// The first bytes of the launcher matter: it runs for each command. NODE_EXTRA_CA_CERTS costs Node 40 ms at start
// and tsnet never speaks TLS. The daemon stays 40 MB smaller with a small young generation, an old one that is cleaned when
// it has grown by half, and two pools of malloc instead of one for each thread. Compiled code is refused with such flags:
// the daemon compiles what it needs, which is less. The links that npm and users make to the launcher are resolved.
const launcher = `#!/bin/sh
self=$(readlink -f "$0"); unset NODE_EXTRA_CA_CERTS
flags=
case " $* " in *" serve "*) export MALLOC_ARENA_MAX=2; flags='--max-semi-space-size=4 --heap-growing-percent=50';; esac
exec node $flags "\${self%/*}/main.cjs" "$@"
`;

const [executables, ...bundles] = await Promise.all([
  compilePlugins(root),
  bundleProgram(root, folder, { name: 'main', entry }),
  bundleProgram(root, folder, {
    name: 'plugin',
    entry: join(root, 'src/frontends/cli/plugin.ts'),
    isDense: true,
  }),
  bundlePackages(root, folder),
]).catch((error) => {
  // esbuild has told by itself.
  if (error.errors === undefined) console.error(`build: ${error.message}`);
  process.exit(1);
});

// Written only now, so that a failed build leaves the last good one.
await rm(folder, { recursive: true, force: true });
for (const file of bundles.flat()) {
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
