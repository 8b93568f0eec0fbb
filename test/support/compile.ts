import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');

/**
 * Compiles a program written in TypeScript, with all of our modules it imports, into one file that every supported Node
 * runs. It lies inside the project, so that packages are found from there.
 *
 * @param source the program's path
 * @returns the path of the compiled program
 */
export async function compileProgram(source: string): Promise<string> {
  const name = `${basename(source, '.ts')}-${createHash('sha256').update(source).digest('hex').slice(0, 8)}`;
  const outfile = join(root, 'node_modules/.cache/tsnet-test', `${name}-${process.pid}.mjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  return outfile;
}
